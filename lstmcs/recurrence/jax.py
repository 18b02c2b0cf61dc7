"""The fast time loop in JAX: many folds at once on an accelerator, by jax.vmap, or one training on a CPU.

The step, its arguments and its results are those of tensorflow.py::

    i, f, g, o = split(x W + h_prev U + b);  i, f, o = sigmoid(.);  g = tanh(g)
    i, f, o, g = alter.gates(i=, f=, o=, g=, c_prev=, h_prev=)  where alter has such a function
    c = f * c_prev + i * g
    h = o * tanh(c)
    c, h = alter(i=, f=, o=, g=, c=, h=, c_prev=, h_prev=)      any pure function of arrays [..., u], or None

Why it is fast: the input projections of all steps and both directions are one matrix product outside the time loop. Both
directions are one loop: they are stacked in an axis K, the backward one with time turned round, so that h_prev U is one
batched product a step. The gradient is a second loop, written by hand: it computes dz, dc and dh alone, from the gates
that the first loop kept; its element-wise part, alteration included, is differentiated by jax.vjp of `cell`, so no
alteration needs a gradient of its own. dU is a product over the whole sequence after that loop; so are dW, db and dx, by
JAX's own derivative of the projection.

Works under jit, vmap and grad, in any float type: everything is computed in that of x. Both loops are plain JAX, so
jax.grad of jax.grad, and jax.jvp of jax.grad, work too; jax.jvp of the layer itself is an error (JAX's custom_vjp has none).
On an NVIDIA card both loops are one kernel each (kernel.py) where it takes the layer; above the first derivative they are plain there, too.
`alter` may not depend on values that JAX traces. Pass the same `alter` object every time: the loops are compiled once for each.
"""

import functools

import jax
import jax.numpy as jnp

from . import kernel


def bidirectional(x, forward_weights, backward_weights, alter=None, mask=None):
    """Both directions from zero states, concatenated as keras.layers.Bidirectional(merge_mode="concat") does.

    x [B, T, D]; weights (kernel [D, 4u], recurrent_kernel [u, 4u], bias [4u]) of each direction; mask: bool [B, T],
    False where a step changes no state. Returns [B, T, 2u]; at a masked step the state carried past it.
    """
    weights = _arrays(forward_weights), _arrays(backward_weights)
    return _compiled(jnp.asarray(x), weights, alter, None, (False, True), mask)[0]


def unidirectional(x, weights, alter=None, initial_state=None, reverse=False, mask=None):
    """One direction; initial_state (h, c), each [B, u], zeros by default; other arguments as bidirectional.

    Returns sequences [B, T, u] and the final (h, c). A reversed layer's sequences stay in the input's time order.
    """
    state = None if initial_state is None else _arrays(initial_state)
    sequences, (h, c) = _compiled(jnp.asarray(x), (_arrays(weights),), alter, state, (bool(reverse),), mask)
    return sequences, (h[0], c[0])


def cell_states(x, weights, alter=None, reverses=(False,), mask=None):
    """The states c after every step of the K directions of one layer, in the order of the loop's steps: [T, K, B, u].

    x [B, T, D]; weights: (kernel, recurrent_kernel, bias) of each direction, as bidirectional; reverses: which run backwards.
    """
    weights = tuple(map(_arrays, weights))
    (_, _, last), (*_, kept, _) = _laid_out(jnp.asarray(x), weights, None, reverses, mask, functools.partial(_forward, alter, reverses))
    return jnp.concatenate([kept[1][1:], last[None]])


def cell(i, f, o, g, c_prev, h_prev, alter, keep=None):
    """The element-wise part of a step, all [..., u]; returns the altered (c, h). keep: bool [..., 1], False holds the state."""
    if hasattr(alter, "gates"):
        i, f, o, g = alter.gates(i=i, f=f, o=o, g=g, c_prev=c_prev, h_prev=h_prev)
    c = f * c_prev + i * g
    h = o * jnp.tanh(c)
    if alter is not None:
        c, h = alter(i=i, f=f, o=o, g=g, c=c, h=h, c_prev=c_prev, h_prev=h_prev)
    return (c, h) if keep is None else (jnp.where(keep, c, c_prev), jnp.where(keep, h, h_prev))


def _arrays(values):
    return tuple(map(jnp.asarray, values))  # Keras' variables are none, and jit refuses them


def _compiled(*arguments):
    try:
        return _layer(*arguments)
    except TypeError as error:
        if "custom_vjp" not in str(error):
            raise
        raise TypeError(
            "the fast loop has no forward-mode derivative (jax.jvp, jax.jacfwd); a layer with use_cudnn=False or unroll=True "
            "has, and jax.jvp of jax.grad works"
        ) from error


@functools.partial(jax.jit, static_argnames=("alter", "reverses"))
def _layer(x, weights, alter, state, reverses, mask):
    """weights of K directions, state (h, c) of a single one or None -> sequences [B, T, K u], final (h, c), each [K, B, u]."""
    if state is not None:
        state = tuple(s.astype(x.dtype)[None] for s in state)
    if kernel.takes(cell, alter, x, weights):
        h, c = state or [jnp.zeros((len(weights), x.shape[0], weights[0][1].shape[0]), x.dtype)] * 2
        mask = None if mask is None else jnp.asarray(mask, bool).astype(jnp.int32)
        h, c = (jnp.swapaxes(s, 0, 1) for s in (h, c))
        sequences, *last = kernel.run(_plain, cell, alter, reverses, x, weights, h, c, mask)
        return sequences, tuple(jnp.swapaxes(s, 0, 1) for s in last)
    sequences, *last = _laid_out(x, weights, state, reverses, mask, functools.partial(_run, alter, reverses))
    return jnp.swapaxes(sequences, 0, 1), tuple(last)


def _plain(alter, reverses, x, weights, h, c, mask):
    """What the kernel computes, of the same arguments, by a loop that JAX itself differentiates, in any mode and as often as asked."""
    state = jnp.swapaxes(h, 0, 1), jnp.swapaxes(c, 0, 1)
    found, _ = _laid_out(x, weights, state, reverses, mask, functools.partial(_forward, alter, reverses, keep=False))
    return tuple(jnp.swapaxes(one, 0, 1) for one in found)


def _laid_out(x, weights, state, reverses, mask, run):
    """`run` of the arrays as the loops take them: time-major, both directions' weights together, mask stacked. state: h and c [K, B, u]."""
    x = jnp.swapaxes(x, 0, 1)
    kernels, recurrents, biases = ([w.astype(x.dtype) for w in kind] for kind in zip(*weights))
    zero = jnp.zeros((len(reverses), x.shape[1], recurrents[0].shape[0]), x.dtype)
    if mask is not None:
        mask = jnp.asarray(mask, bool).T[:, :, None]
        mask = _stacked(jnp.concatenate([mask] * len(reverses), -1), reverses)
    return run(x, jnp.concatenate(kernels, 1), jnp.stack(recurrents), jnp.concatenate(biases), *(state or (zero, zero)), mask)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _run(alter, reverses, x, kernel, recurrent, bias, h, c, mask):
    """x [T, B, D]; kernel [D, K 4u]; recurrent [K, u, 4u]; bias [K 4u]; h, c before the first step [K, B, u]; mask as _stacked
    gives it, [T, K, B, 1], or None -> sequences [T, B, K u], and h and c after the last step.
    """
    return _forward(alter, reverses, x, kernel, recurrent, bias, h, c, mask, keep=False)[0]


def _forward(alter, reverses, x, kernel, recurrent, bias, h, c, mask, keep=True):
    """_run's results, and what its gradient needs: of every step the gates i, f, g, o [T, K, B, 4u], and c and h before it.

    The gates, not the pre-activations: the same memory, and their derivatives need no exponential.
    """
    steps, batch, width = x.shape
    # Both directions read the same x: one product serves them.
    projected = (x.reshape(-1, width) @ kernel + bias).reshape(steps, batch, -1)

    def step(state, inputs):
        (h, c), (z, held) = state, inputs
        i, f, g, o = jnp.split(z + jnp.matmul(h, recurrent), 4, -1)
        i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
        new_c, new_h = cell(i, f, o, g, c, h, alter, held)
        return (new_h, new_c), (jnp.concatenate([i, f, g, o], -1), c, h) if keep else (None, None, h)

    (last_h, last_c), kept = jax.lax.scan(step, (h, c), (_stacked(projected, reverses), mask))
    sequences = _unstacked(jnp.concatenate([kept[2][1:], last_h[None]]), reverses)
    return (sequences, last_h, last_c), (x, kernel, recurrent, kept, mask)


def _backward(alter, reverses, residuals, upstream):
    """Gradients of a loss by x, kernel, recurrent, bias, h, c (and none by mask), from those by _run's three results."""
    x, kernel, recurrent, kept, mask = residuals
    d_sequences, d_h, d_c = upstream
    transposed = jnp.swapaxes(recurrent, 1, 2)

    def step(d_state, inputs):
        (d_h, d_c), (d_out, (gates, c, h), held) = d_state, inputs
        i, f, g, o = jnp.split(gates, 4, -1)
        _, pull = jax.vjp(lambda i, f, o, g, c, h: cell(i, f, o, g, c, h, alter, held), i, f, o, g, c, h)
        d_i, d_f, d_o, d_g, d_c, d_h = pull((d_c, d_h + d_out))
        d_z = jnp.concatenate([d_i * i * (1 - i), d_f * f * (1 - f), d_g * (1 - g * g), d_o * o * (1 - o)], -1)
        return (d_h + jnp.matmul(d_z, transposed), d_c), d_z

    (d_h, d_c), d_z = jax.lax.scan(step, (d_h, d_c), (_stacked(d_sequences, reverses), kept, mask), reverse=True)
    d_recurrent = jnp.einsum("tkbu,tkbz->kuz", kept[2], d_z)
    rows, d_rows = x.reshape(-1, x.shape[2]), _unstacked(d_z, reverses).reshape(-1, kernel.shape[1])
    return (d_rows @ kernel.T).reshape(x.shape), rows.T @ d_rows, d_recurrent, d_rows.sum(0), d_h, d_c, None


_run.defvjp(_forward, _backward)


def _stacked(by_time, reverses):
    """[T, B, K n] in the input's order -> [T, K, B, n] in the order of the loop's steps, which is each direction's own."""
    parts = jnp.split(by_time, len(reverses), -1)
    return jnp.stack([part[::-1] if reverse else part for part, reverse in zip(parts, reverses)], 1)


def _unstacked(by_step, reverses):
    """The inverse of _stacked."""
    return jnp.concatenate([by_step[::-1, k] if reverse else by_step[:, k] for k, reverse in enumerate(reverses)], -1)
