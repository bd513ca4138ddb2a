"""Pictures in rows, each under its caption, as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import torch
from torch import Tensor

MARGIN, GAP, CAPTION = 12, 8, 20
"""Pixels around all, between neighbours, and above a picture for its caption."""

INK = (60, 60, 60)


def sheet(rows: Sequence[Sequence[tuple[str, Tensor]]]) -> bytes:
    """The PNG of captioned pictures ``[1 or 3, height, width]``, of one size, with values from 0 to 1."""
    from PIL import Image, ImageDraw, ImageFont

    _, height, width = rows[0][0][1].shape
    right, bottom = corner(len(rows), max(map(len, rows)), height, width)
    whole = Image.new("RGB", (right - GAP + MARGIN, bottom - CAPTION - GAP + MARGIN), "white")
    draw = ImageDraw.Draw(whole)
    font = ImageFont.load_default(size=max(8, min(13, width // 8)))  # a caption is no wider than a small picture
    for down, row in enumerate(rows):
        for across, (caption, picture) in enumerate(row):
            left, top = corner(down, across, height, width)
            draw.text((left, top - CAPTION / 2), caption, fill=INK, font=font, anchor="lm")
            pixels = (picture.expand(3, -1, -1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous()
            whole.paste(Image.frombytes("RGB", (width, height), pixels.numpy().tobytes()), (left, top))
    buffer = BytesIO()
    whole.save(buffer, "PNG")
    return buffer.getvalue()


def corner(down: int, across: int, height: int, width: int) -> tuple[int, int]:
    """Where the picture in this row and column begins: pixels from the left and from the top."""
    return MARGIN + across * (width + GAP), MARGIN + CAPTION + down * (height + CAPTION + GAP)
