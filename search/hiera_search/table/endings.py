"""What comes after the last stage: neck and head, or of a masked autoencoder fusion and decoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from hiera_compiler.kinds import Neck
from hiera_compiler.lower import (
    block_part,
    decoder_blocks,
    decoder_style,
    fusion_part,
    head_part,
    masked_tokens,
    neck_part,
    predicted_op,
    prediction_part,
    target_part,
    tokens_part,
)
from hiera_compiler.spec import Head, Spec
from hiera_search.table.parts import Parts, Place, Refused, Stream
from hiera_search.table.refusals import LAWFUL, Refusals
from hiera_search.table.states import Ending, Frame, Map, State


class Endings:
    """Works out endings; parts are asked once for what they depend on."""

    def __init__(self, parts: Parts, refusals: Refusals) -> None:
        self.parts, self.refusals = parts, refusals

    def of(self, state: State) -> Ending:
        """What comes after the last stage."""
        frame, stream = state.frame, state.stream
        if frame is None or stream is None:
            return Ending()
        try:
            if frame.unpooled is not None:
                return self._fusion(frame, state.held, stream)
            neck = 0 if frame.neck is None else self._neck(frame, frame.neck, state.maps, stream)
            head = 0 if frame.head is None else self._head(frame, frame.head, stream)
        except Refused as refused:
            return Ending(refusal=self.refusals.lowering(str(refused)))
        return Ending(self.parts.with_weights(head, neck) if head and neck else head or neck)

    def decoder(self, spec: Spec, latent: Stream) -> tuple[int, int]:
        """The number of what a latent goes through to the loss, and what refuses it; of a spec without its stages."""
        try:
            return self.parts.chain(self._decoder(spec, latent)), LAWFUL
        except Refused as refused:
            return 0, self.refusals.lowering(str(refused))

    def _neck(self, frame: Frame, neck: Neck, maps: Sequence[Map], stream: Stream) -> int:
        read = tuple(maps[index] for index in frame.reads)
        place = Place(run=frame.head is None)
        lower = partial(neck_part, neck, [one.shape for one in read], stream.flow)
        return self.parts.get((neck, read, place), lower, tuple(one.dtype for one in read), place).number

    def _head(self, frame: Frame, head: Head, stream: Stream) -> int:
        key, lower = (frame.style, head, stream), partial(head_part, frame.style, head, stream.flow)
        return self.parts.get(key, lower, (stream.dtype,), Place(enters_open=True)).number

    def _fusion(self, frame: Frame, held: tuple[Stream, ...], stream: Stream) -> Ending:
        norm, ends = frame.style.norm, (*held, stream)
        lower = partial(fusion_part, norm, [end.flow for end in held], stream.flow)
        dtypes = tuple(end.dtype for end in ends)
        made = self.parts.get(("fusion", norm, ends), lower, dtypes, Place(enters_open=True))
        return Ending(made.number, latent=made.out)

    def _decoder(self, spec: Spec, latent: Stream) -> list[int]:
        style, mae, masked, place = decoder_style(spec), spec.pretraining, masked_tokens(latent.flow), Place()
        channels, to_predict = mae.decoder.channels, predicted_op(spec, masked.layout)
        values = to_predict.infer(spec.input_shape)[-1]
        lower = partial(tokens_part, channels, latent.flow)
        made = [self.parts.get(("tokens", channels, latent), lower, (latent.dtype,), place)]
        for block in decoder_blocks(spec, masked):
            x, place = made[-1].out, Place(enters_open=len(made) > 1, leaves_open=True)
            lower = partial(block_part, style, block, x.flow)
            made.append(self.parts.get(("decoder", style, block, x, place), lower, (x.dtype,), place))
        x, place = made[-1].out, Place(enters_open=True)
        lower = partial(prediction_part, spec.norm, values, x.flow)
        made.append(self.parts.get(("prediction", spec.norm, values, x), lower, (x.dtype,), place))
        x, pixels, place = made[-1].out, spec.input_shape, Place()
        lower = partial(target_part, mae, to_predict, masked, pixels, x.flow)
        key = ("target", mae.target, mae.norm_target, to_predict, masked, pixels, x)
        made.append(self.parts.get(key, lower, (x.dtype,), place))
        return [one.number for one in made]
