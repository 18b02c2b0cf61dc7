"""The time loop of jax.py as one kernel of an NVIDIA card, forwards and backwards, for any alteration.

XLA runs a loop over time as several kernels a step, each of which waits for the one before. Here a block of the card takes some
rows of one direction of one fold through the whole sequence: h and c stay with it, and at each step it reads the recurrent kernel
from the card's cache. The cell is the function `cell` of jax.py, traced into the kernel by Pallas; its derivative is jax.vjp of the
same function. The products before and after the loop are XLA's, and so are derivatives above the first. Triton's support in Pallas is
to end with some JAX after 0.11; where it is not there, `takes` says no, and the loop is XLA's.

In the loop a product of float32 numbers is three of TensorFloat-32 (Triton's tf32x3), as exact as float32 but for a few units of the
last place. jax_default_matmul_precision "tensorfloat32" makes it one.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

try:
    from jax.experimental import pallas
    from jax.experimental.pallas import triton
except ImportError:
    pallas = triton = None
if not all(hasattr(triton, name) for name in ("CompilerParams", "load", "store", "debug_barrier")):
    pallas = None  # a JAX that is older, or that has left it out

ROWS, WARPS = 16, 4  # of a batch that one block takes through the sequence; groups of 32 threads it has
CHUNK, STAGES = 16, 3  # of a product's inner dimension at a time, in the loop; how many of these are on their way
WIDEST = 128  # units
EXACT, SHORT = lax.DotAlgorithmPreset.TF32_TF32_F32_X3, lax.DotAlgorithmPreset.TF32_TF32_F32
INTERPRET = False  # run as plain JAX, on any device: for tests


def takes(cell, alter, x, weights) -> bool:
    """Whether the kernel can run a layer here: float32, few enough units, an alteration of each unit by itself, a card it is written for."""
    floats = all(array.dtype == jnp.float32 for array in jax.tree.leaves((x, weights)))
    return floats and weights[0][1].shape[0] <= WIDEST and pallas is not None and (INTERPRET or _card()) and _unit_by_unit(cell, alter)


@functools.lru_cache
def _card() -> bool:
    device = jax.devices()[0]
    return device.platform == "gpu" and device.device_kind.startswith("NVIDIA") and float(device.compute_capability) >= 8


@functools.lru_cache(maxsize=256)
def _unit_by_unit(cell, alter) -> bool:
    """Whether no unit of the altered cell, or of its derivative, looks at another: softmax does."""
    one = jax.ShapeDtypeStruct((2, 3), jnp.float32)

    def both_ways(*values):
        found, pull = jax.vjp(lambda *values: cell(*values, alter), *values)
        return found, pull(found)

    def shapes(jaxpr):
        for equation in jaxpr.eqns:
            yield from (v.aval.shape for v in (*equation.invars, *equation.outvars))
            for value in jax.tree.leaves(list(equation.params.values())):
                if hasattr(inner := getattr(value, "jaxpr", value), "eqns"):
                    yield from shapes(inner)

    return all(shape in ((), one.shape) for shape in shapes(jax.make_jaxpr(both_ways)(*[one] * 6).jaxpr))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2, 3))
def run(loop, cell, alter, reverses, x, weights, h, c, mask):
    """A layer of K directions: x [B, T, D]; weights: K of (kernel [D, 4u], recurrent_kernel [u, 4u], bias [4u]); h and c before the first
    step [B, K, u]; mask int32 [B, T], 0 where a step changes no state, or None -> sequences [B, T, K u], h and c after the last step.

    loop(alter, reverses, x, weights, h, c, mask): the same in JAX's own operations, which stands behind derivatives above the first.
    """
    return _forward(loop, cell, alter, reverses, False, x, weights, h, c, mask)[0]


def _with_kept(loop, cell, alter, reverses, *given):
    results, kept = _forward(loop, cell, alter, reverses, True, *given)
    return results, (given, kept)


def _from_kept(loop, cell, alter, reverses, residuals, upstream):
    return *_backward(loop, cell, alter, reverses, *residuals, upstream), None


run.defvjp(_with_kept, _from_kept)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2, 3, 4))
def _forward(loop, cell, alter, reverses, keep, x, weights, h, c, mask):
    """run's results, and what its gradient needs: of each direction the gates [B, T, 4u] and c and h before every step [B, T, u]."""
    (batch, steps, width), (_, many, units) = x.shape, h.shape
    kernels, recurrents, biases = zip(*weights)
    projected = (x.reshape(-1, width) @ jnp.concatenate(kernels, 1)).reshape(batch, steps, -1)
    shapes = [(batch, steps, many * units), h.shape, c.shape]
    if keep:
        shapes += [(many, batch, steps, size) for size in (4 * units, units, units)]
    found = _call(
        functools.partial(_forward_kernel, cell, alter, reverses), shapes, [projected, jnp.stack(recurrents), jnp.stack(biases), h, c], mask
    )
    return tuple(found[:3]), tuple(found[3:])


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2, 3))
def _backward(loop, cell, alter, reverses, given, kept, upstream):
    """Gradients of a loss by x, weights, h and c, of those by run's three results. given: run's arguments from x on; kept: as _forward's."""
    x, weights, *_ = given
    (batch, steps, width), (_, many, units) = x.shape, upstream[1].shape
    kernels, recurrents, _ = zip(*weights)
    shapes = [upstream[1].shape, upstream[2].shape, (many, batch, steps, 4 * units)]
    transposed = jnp.swapaxes(jnp.stack(recurrents), 1, 2)
    d_h, d_c, d_z = _call(functools.partial(_backward_kernel, cell, alter, reverses), shapes, [*upstream, transposed, *kept], given[-1])
    d_z, h = d_z.reshape(many, -1, 4 * units), kept[2].reshape(many, -1, units)
    rows = jnp.broadcast_to(x.reshape(1, -1, width), (many, batch * steps, width))  # smaller than the copies that XLA makes of d_z's halves
    d_weights = jnp.einsum("kmd,kmz->kdz", rows, d_z), jnp.einsum("kmu,kmz->kuz", h, d_z), d_z.sum(1)
    d_x = jnp.einsum("kmz,kdz->kmd", d_z, jnp.stack(kernels)).sum(0).reshape(x.shape)
    return d_x, tuple(zip(*d_weights)), d_h, d_c


# Above the first derivative both are the plain loop. What _forward keeps is a part of _backward's work, not of its arguments: all that
# changes with x, weights, h and c comes by these themselves, and the tangents of what is kept are zero.


@_forward.defjvp
def _forward_tangents(loop, cell, alter, reverses, keep, given, tangents):
    results, kept = _forward(loop, cell, alter, reverses, keep, *given)
    d_results = jax.jvp(lambda *floats: loop(alter, reverses, *floats, given[-1]), given[:-1], tangents[:-1])[1]
    return (results, kept), (d_results, jax.tree.map(jnp.zeros_like, kept))


@_backward.defjvp
def _backward_tangents(loop, cell, alter, reverses, primals, tangents):
    given, _, upstream = primals

    def gradient(floats, upstream):
        return jax.vjp(lambda *floats: loop(alter, reverses, *floats, given[-1]), *floats)[1](upstream)

    d_gradients = jax.jvp(gradient, (given[:-1], upstream), (tangents[0][:-1], tangents[2]))[1]
    return _backward(loop, cell, alter, reverses, *primals), d_gradients


def _call(kernel, shapes, arguments, mask):
    """The arrays of `shapes` that the kernel of a loop writes. It is handed the arguments, and the mask or None."""
    batch, masked = arguments[0].shape[0], mask is not None

    def loop(*refs):
        given = refs[: len(arguments)]
        held, *written = refs[len(arguments) :] if masked else (None, *refs[len(arguments) :])
        kernel(given, held, *written)

    return pallas.pallas_call(
        loop, [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes], grid=(shapes[1][1] * -(-batch // ROWS),), interpret=INTERPRET,
        compiler_params=triton.CompilerParams(num_warps=WARPS, num_stages=STAGES),
    )(*arguments, *([mask] if masked else []))  # fmt: skip


class _Block:
    """Some rows of one direction k. Lanes beyond the units and rows beyond the batch are read as zeros and not written."""

    def __init__(self, batch, units, steps, reverses):
        self.batch, self.units, self.steps = batch, units, steps
        blocks = -(-batch // ROWS)
        self.k = pallas.program_id(0) // blocks
        self.backwards = reverses[0] + self.k * (reverses[-1] - reverses[0])  # 0 or 1
        self.rows = pallas.program_id(0) % blocks * ROWS + jnp.arange(ROWS)[:, None]
        self.lanes = jnp.arange(max(16, 1 << (units - 1).bit_length()))[None]  # Triton's arrays have powers of two
        short = jax.config.jax_default_matmul_precision == "tensorfloat32"
        self.precision = lax.Precision.HIGHEST if INTERPRET else (SHORT if short else EXACT)
        self.real, self.there = self.lanes < units, (self.rows < batch) & (self.lanes < units)

    def time(self, s):
        """The place in the sequence of the loop's step s."""
        return s + self.backwards * (self.steps - 1 - 2 * s)

    def clean(self, value):
        return jnp.where(self.real, value, 0.0)

    def load(self, ref, place, first=0):
        """[rows, units] of a ref: place has the numbers before and after the rows' axis."""
        return triton.load(self._at(ref, place, first), mask=self.there, other=0.0)

    def store(self, ref, place, value, first=0):
        triton.store(self._at(ref, place, first), value, mask=self.there)

    def _at(self, ref, place, first):
        before, after = place
        return ref.at[(*before, self.rows, *after, first + self.lanes)]

    def held(self, mask, t):
        return None if mask is None else triton.load(mask.at[self.rows, t], mask=self.rows < self.batch, other=0) != 0

    def products(self, x, place, weights, sums):
        """x at a place, [rows, inner], times weights [K, inner, len(sums) units], added to the sums, each [rows, units]."""
        _, inner, _ = weights.shape
        before, after = place

        def chunk(number, sums):
            some = number * CHUNK + jnp.arange(CHUNK)
            at = x.at[(*before, self.rows, *after, some[None])]
            left = triton.load(at, mask=(self.rows < self.batch) & (some[None] < inner), other=0.0)
            found = []
            for gate, total in enumerate(sums):
                at = weights.at[self.k, some[:, None], gate * self.units + self.lanes]
                right = triton.load(at, mask=(some[:, None] < inner) & self.real, other=0.0)
                found.append(total + jnp.matmul(left, right, precision=self.precision))
            return tuple(found)

        _wait()  # every thread of the block has put its share of x there
        found = lax.fori_loop(0, -(-inner // CHUNK), chunk, tuple(sums))
        _wait()  # and has read it, so that it can be written anew
        return found


def _wait():
    if not INTERPRET:
        triton.debug_barrier()


def _forward_kernel(cell, alter, reverses, given, mask, sequences, last_h, last_c, *kept):
    projected, recurrents, biases, first_h, first_c = given
    (batch, steps, _), units = projected.shape, first_h.shape[2]
    block = _Block(batch, units, steps, reverses)
    k, state = block.k, ((), (block.k,))

    def step(s, carried):
        (h, c), t = carried, block.time(s)
        at, z = ((k,), (t,)), []
        for gate in range(4):
            bias = triton.load(biases.at[k, gate * units + block.lanes], mask=block.real, other=0.0)
            z.append(block.load(projected, ((), (t,)), (4 * k + gate) * units) + bias)
        i, f, g, o = block.products(last_h, state, recurrents, z)
        i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        if kept:
            for gate, value in enumerate((i, f, g, o)):
                block.store(kept[0], at, value, gate * units)
            block.store(kept[1], at, c)
            block.store(kept[2], at, h)
        c, h = map(block.clean, cell(i, f, o, g, c, h, alter, block.held(mask, t)))
        block.store(sequences, ((), (t,)), h, k * units)
        block.store(last_h, state, h)
        return h, c

    h = block.load(first_h, state)
    block.store(last_h, state, h)  # where the products of the next step find it
    block.store(last_c, state, lax.fori_loop(0, steps, step, (h, block.load(first_c, state)))[1])


def _backward_kernel(cell, alter, reverses, given, mask, d_first_h, d_first_c, d_z):
    d_sequences, d_last_h, d_last_c, transposed, gates, before_c, before_h = given
    (batch, steps, _), units = d_sequences.shape, d_last_h.shape[2]
    block = _Block(batch, units, steps, reverses)
    k, state = block.k, ((), (block.k,))

    def step(s, carried):
        (d_h, d_c), t = carried, block.time(steps - 1 - s)
        at = (k,), (t,)
        i, f, g, o = (block.load(gates, at, gate * units) for gate in range(4))
        c, h, held = block.load(before_c, at), block.load(before_h, at), block.held(mask, t)
        _, pull = jax.vjp(lambda i, f, o, g, c, h: cell(i, f, o, g, c, h, alter, held), i, f, o, g, c, h)
        d_i, d_f, d_o, d_g, d_c, d_h = pull((d_c, d_h + block.load(d_sequences, ((), (t,)), k * units)))
        for gate, value in enumerate((d_i * i * (1 - i), d_f * f * (1 - f), d_g * (1 - g * g), d_o * o * (1 - o))):
            block.store(d_z, at, value, gate * units)
        (d_h,) = block.products(d_z, at, transposed, [block.clean(d_h)])
        return d_h, block.clean(d_c)

    d_h, d_c = lax.fori_loop(0, steps, step, (block.load(d_last_h, state), block.load(d_last_c, state)))
    block.store(d_first_h, state, d_h)
    block.store(d_first_c, state, d_c)
