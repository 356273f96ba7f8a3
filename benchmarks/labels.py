"""`labels`: CPU seconds for 1,000 labels of 100 × 150 mm in one PDF, every one another number, address and weight."""

import json
import time
from typing import Any

from logistics.labels import pdf
from logistics.labels.content import Content
from logistics.numbers import s10

LABELS = 1_000
BAR_S = 8.0
STREETS = ("麓山南路", "五一大道", "观音阁村", "人民东路", "酃湖路")


def content(i: int) -> Content:
    """A label as a station prints it."""
    street = STREETS[i % len(STREETS)]
    return Content(
        number=s10("ZA", 47_000_000 + i),
        sort_code=f"4301-{i % 90 + 10}-{i % 40 + 1:02d}",
        marker=f"长沙市 岳麓区 {street}",
        recipient=f"{'王李张刘陈杨黄赵吴周'[i % 10]}** 138****{i:04d}",
        address=f"湖南省长沙市岳麓区{street}****",
        sender="伏水湾营业所 · 湘维支局",
        contents="溆浦冰糖橙 5斤装(净重)",
        net_g=2_500 + i % 60,
        gross_g=2_800 + i % 60,
        marks=("实名 431201 湘维支局", "已验视 431201 湘维支局", "已安检 431201 湘维支局"),
        printed_on="2026-08-13 09:00",
        prints=1 + i % 2,
    )


def measure() -> dict[str, Any]:
    """One document, from the contents to the bytes; fonts and codes start cold."""
    contents = [content(i) for i in range(LABELS)]
    started = time.process_time()
    document = pdf.render(contents)
    spent = time.process_time() - started
    return {
        "name": "labels",
        "value": round(spent, 2),
        "unit": "CPU s",
        "bar": BAR_S,
        "met": spent <= BAR_S,
        "labels": LABELS,
        "bytes": len(document),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), ensure_ascii=False))
