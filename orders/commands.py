"""Commands of this package, as `manage.py` offers them."""

from collections.abc import Callable

from core.db import transaction
from orders import verify
from orders.channels.command import import_orders


def run_verify(arguments: list[str]) -> int:
    """`verify [--repair]`: every invariant; exit 1 with the rows named when one is broken and stays so."""
    with transaction():
        found = verify.run(repair="--repair" in arguments)
        asked = sum(1 for _check in verify.all_checks())
    for broken in found:
        print(f"{'mended' if broken.mended else 'BROKEN'}: {broken.check} ({broken.count} rows)")
        for row in broken.rows:
            print(f"  {row}")
    lasting = [broken for broken in found if not broken.mended]
    print(f"{asked} invariants, {len(lasting)} broken")
    return 1 if lasting else 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {"import-orders": import_orders, "verify": run_verify}
