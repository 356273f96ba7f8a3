"""A "no" has a name, a status and its facts; one shape carries it to the caller (RFC 9457, problem details)."""

import re
from typing import Any, ClassVar, Self

from core.i18n import Lazy, _, render


class Refusal(Exception):
    """The request was understood and is refused. Raised by rules; rolls the transaction back.

    `message` is translated and may name facts in braces; the facts go to the caller as well.
    """

    status: ClassVar[int] = 422
    message: ClassVar[Lazy | str] = _("这样不行。")

    def __init__(self, **facts: Any) -> None:
        super().__init__(type(self).__name__, facts)
        self.facts = facts

    def afresh(self) -> Self:
        """The same refusal for another caller; one exception that many raise would gather the traces of them all."""
        fresh = type(self).__new__(type(self), *self.args)
        fresh.__dict__.update(self.__dict__)
        return fresh

    @property
    def code(self) -> str:
        """The stable name that programs may rely on: the class name in snake case."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()

    def __str__(self) -> str:
        return render(self.message, **self.facts)


class Malformed(Refusal):
    """The shape of what was sent is wrong."""

    status = 422
    message = _("填的内容有问题，请照提示改。")


class NotFound(Refusal):
    """It is not there, or not yours: the two are not told apart."""

    status = 404
    message = _("没有找到。")


class Conflict(Refusal):
    """Right in itself, but not in the present state."""

    status = 409
    message = _("现在的状态不能这样做。")


class Forbidden(Refusal):
    """Signed in, but this is not for this role."""

    status = 403
    message = _("您的身份不能做这一步。")


class Unauthorised(Refusal):
    """Nobody is signed in."""

    status = 401
    message = _("请先登录。")


class TooMany(Refusal):
    """Asked too often; `retry_after` tells the seconds to wait."""

    status = 429
    message = _("太频繁了，请 {retry_after} 秒后再试。")


class IllegalMove(Conflict):
    """A state does not lead to the wanted one."""

    message = _("现在是“{current}”，不能变成“{wanted}”。")
