"""The fast time loop: LSTM layers with any altered cell, trained at the speed of a fused unaltered one (TensorFlow, CPU).

One step, gate order i, f, c, o as in Keras (the candidate, Keras' c gate, is g here)::

    i, f, g, o = split(x W + h_prev U + b);  i, f, o = sigmoid(.);  g = tanh(g)
    i, f, o, g = alter.gates(i=, f=, o=, g=, c_prev=, h_prev=)  where alter has such a function
    c = f * c_prev + i * g
    h = o * tanh(c)
    c, h = alter(i=, f=, o=, g=, c=, h=, c_prev=, h_prev=)      any pure function of [B, u] tensors, or None

Why it is fast: the input projections of all steps and both directions are one matrix product outside the time loop. The
gradient is a second, hand-written loop that computes dz, dc and dh alone; its element-wise part, alteration included, is
differentiated by a GradientTape while the loop is traced, so no alteration needs a gradient of its own. dW, dU, db and
dx are products over the whole sequence after that loop. XLA compiles both loops; environment.py has its flags.

Works eagerly, in tf.function, and in tf.function(jit_compile=True), where it becomes part of the caller's program. Pass
the same `alter` object every time: the loops are compiled once for each. Gradients of any order, jacobians and, outside
tf.function, forward mode: those above the first order are TensorFlow's own, of the same loop as ordinary ops, and slower.
"""

import functools

import tensorflow as tf

try:
    from tensorflow.python.eager.forwardprop_util import pack_tangents  # the one way to ask whether forward mode is on
except ImportError:
    pack_tangents = None


def bidirectional(x, forward_weights, backward_weights, alter=None, mask=None):
    """Both directions from zero states, concatenated as keras.layers.Bidirectional(merge_mode="concat") does.

    x [B, T, D]; weights (kernel [D, 4u], recurrent_kernel [u, 4u], bias [4u]) of each direction; mask: bool [B, T],
    False where a step changes no state. Returns [B, T, 2u]; at a masked step the state carried past it.
    """
    return _layer(x, (forward_weights, backward_weights), alter, None, (False, True), mask)[0]


def unidirectional(x, weights, alter=None, initial_state=None, reverse=False, mask=None):
    """One direction; initial_state (h, c), each [B, u], zeros by default; other arguments as bidirectional.

    Returns sequences [B, T, u] and the final (h, c). A reversed layer's sequences stay in the input's time order.
    """
    states = None if initial_state is None else (initial_state,)
    sequences, states = _layer(x, (weights,), alter, states, (reverse,), mask)
    return sequences, states[0]


def cell(i, f, o, g, c_prev, h_prev, alter, keep=None):
    """The element-wise part of a step, all [B, u]; returns the altered (c, h). keep: bool [B, 1], False holds the state."""
    if hasattr(alter, "gates"):
        i, f, o, g = alter.gates(i=i, f=f, o=o, g=g, c_prev=c_prev, h_prev=h_prev)
    c = f * c_prev + i * g
    h = o * tf.tanh(c)
    if alter is not None:
        c, h = alter(i=i, f=f, o=o, g=g, c=c, h=h, c_prev=c_prev, h_prev=h_prev)
    return (c, h) if keep is None else (tf.where(keep, c, c_prev), tf.where(keep, h, h_prev))


def _layer(x, weights, alter, states, reverses, mask):
    x = tf.transpose(tf.convert_to_tensor(x), [1, 0, 2])  # time-major from here on
    mask = None if mask is None else tf.transpose(tf.cast(mask, tf.bool))[:, :, None]
    weights = [tuple(map(tf.convert_to_tensor, w)) for w in weights]
    if states is None:
        zero = tf.zeros([_size(x, 1), weights[0][1].shape[0]], x.dtype)
        states = [(zero, zero)] * len(weights)
    structure = [x, weights, [tuple(map(tf.convert_to_tensor, s)) for s in states]]

    _refuse_forward_mode(tf.nest.flatten(structure))

    def pack(flat):
        # Nothing that is computed from these is for an outer tape to record: the gradients below are all there is.
        return tf.nest.pack_sequence_as(structure, [tf.stop_gradient(t) for t in flat])

    @tf.custom_gradient
    def run(*flat):
        sequences, last, kept = _forward(*pack(flat), alter, reverses, mask)
        kept = tf.nest.map_structure(tf.stop_gradient, kept)  # a branch of tf.cond puts them out
        return [sequences, *tf.nest.flatten(last)], lambda *upstream: first(flat, upstream, kept, mask)

    def first(flat, upstream, kept, mask):
        # All by tensors of the graph at hand: below a compiled call, tf.cond does not find those of its branch.
        flat, kept = tf.nest.map_structure(tf.identity, (flat, kept))
        mask = None if mask is None else tf.identity(mask)

        @tf.custom_gradient
        def slopes(*values):
            d_sequences, *d_last = [tf.stop_gradient(t) for t in values[len(flat) :]]
            d_last = tf.nest.pack_sequence_as(structure[2], d_last)
            found = _backward(*pack(values[: len(flat)])[:2], kept, d_sequences, d_last, alter, reverses, mask)
            return tf.nest.flatten(found), lambda *further: _second(alter, reverses)(values, further, mask)

        return slopes(*flat, *upstream)

    sequences, *last = run(*tf.nest.flatten(structure))
    return tf.transpose(sequences, [1, 0, 2]), tf.nest.pack_sequence_as([(0, 0)] * len(weights), last)


@functools.lru_cache(maxsize=64)
def _second(alter, reverses):
    """The gradient of a gradient, for orders above the first and for forward mode: that of the loop as TensorFlow's own ops."""
    structure = [0, [(0, 0, 0)] * len(reverses), [(0, 0)] * len(reverses)]

    def second(values, further, mask):
        """values: what the loop takes, and a loss's gradients by what it gives; further: those of another loss by the gradient.

        By tf.gradients, not by tapes: forward mode comes here where no tape records.
        """
        values = [tf.identity(v) for v in values]  # one tensor may be given twice, as both states
        flat, upstream = values[: len(further)], values[len(further) :]
        sequences, last, _ = _forward(*tf.nest.pack_sequence_as(structure, flat), alter, reverses, mask, recorded=True)
        found = tf.gradients([sequences, *tf.nest.flatten(last)], flat, upstream, unconnected_gradients="zero")
        return tf.gradients(found, values, further, unconnected_gradients="zero")

    cached = tf.function(second, autograph=False)
    # in a graph it is traced as a part of that: XLA's loops have other gradients
    return lambda *values: called(cached if tf.executing_eagerly() else tf.function(second, autograph=False))(*values)


def _refuse_forward_mode(tensors):
    """TensorFlow's while loops have no forward mode in a graph, and its custom gradients give a silent 0 there: an error instead."""
    if not tf.executing_eagerly() and pack_tangents is not None and pack_tangents(tensors).tangents:
        raise NotImplementedError(
            "the fast loop has no forward mode (tf.autodiff.ForwardAccumulator) inside tf.function; call the layer outside "
            "tf.function, or build it with unroll=True, or take gradients of gradients"
        )


def _forward(x, weights, states, alter, reverses, mask, recorded=False):
    """Sequences, final states, and what _backward needs. recorded: as ops that a tape can record, not as one compiled loop."""
    steps, batch, width = (_size(x, axis) for axis in range(3))
    units = weights[0][1].shape[0]
    # Both directions read the same x: one product serves them, each takes its 4u columns in the loop.
    projected = tf.matmul(tf.reshape(x, [-1, width]), tf.concat([kernel for kernel, _, _ in weights], 1))
    projected = tf.reshape(projected, [steps, batch, len(weights) * 4 * units])
    loop, _ = _loops(alter, reverses, (*x.shape, units))
    loop = loop.python_function if recorded else called(loop)
    kept = loop(projected, [w[1] for w in weights], [w[2] for w in weights], states, mask)
    sequences = tf.concat([h[:-1] if r else h[1:] for (*_, h), r in zip(kept, reverses)], -1)
    last = [(h[0], c[0]) if r else (h[-1], c[-1]) for (*_, c, h), r in zip(kept, reverses)]
    return sequences, last, kept


def _backward(x, weights, kept, d_sequences, d_last, alter, reverses, mask):
    steps, batch, width = (_size(x, axis) for axis in range(3))
    units = weights[0][1].shape[0]
    _, loop = _loops(alter, reverses, (*x.shape, units))
    d_z, d_biases, d_states = called(loop)(kept, d_sequences, [tf.transpose(w[1]) for w in weights], d_last, mask)
    rows = tf.reshape(x, [-1, width])
    d_z = [tf.reshape(d, [-1, 4 * units]) for d in d_z]
    both = tf.concat(d_z, 1)  # two wide products are faster than four narrow ones, the copy included
    d_kernels = tf.split(tf.matmul(rows, both, transpose_a=True), len(reverses), 1)
    d_weights = []
    for d, d_kernel, d_bias, (*_, h), reverse in zip(d_z, d_kernels, d_biases, kept, reverses):
        h_prev = tf.reshape(h[1:] if reverse else h[:-1], [-1, units])
        d_weights.append((d_kernel, tf.matmul(h_prev, d, transpose_a=True), tf.reduce_sum(d_bias, 0)))
    d_x = tf.matmul(both, tf.concat([kernel for kernel, _, _ in weights], 1), transpose_b=True)
    return tf.reshape(d_x, [steps, batch, width]), d_weights, d_states


@functools.lru_cache(maxsize=64)
def _loops(alter, reverses, shape):
    """The two time loops for one static shape. As compiled functions they are fast under an eager caller too."""

    def forward(projected, recurrent, biases, states, mask):
        """projected [T, B, 4u a direction] -> per direction gates i, f, g, o [T, B, u] and states c, h [T + 1, B, u].

        A forward direction's state before step t is at index t, a backward one's at t + 1: no special case for the first
        step, and the states before all steps are one slice.
        """
        steps, (batch, units) = _size(projected, 0), states[0][0].shape
        stores = []
        for (h, c), reverse in zip(states, reverses):
            first = steps if reverse else 0
            gates = [_array(steps, batch, units, c.dtype) for _ in range(4)]
            stores.append(gates + [_array(steps + 1, batch, units, c.dtype).write(first, s) for s in (c, h)])

        def step(n, states, stores):
            states, stores = list(states), list(stores)
            for k, reverse in enumerate(reverses):
                t = steps - 1 - n if reverse else n
                h, c = states[k]
                z = _at(projected, t, k, 4 * units) + biases[k] + tf.matmul(h, recurrent[k])
                i, f, g, o = tf.split(z, 4, -1)
                i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
                c, h = cell(i, f, o, g, c, h, alter, None if mask is None else mask[t])
                states[k] = h, c
                *gates, cs, hs = stores[k]
                after = t if reverse else t + 1
                stores[k] = [a.write(t, v) for a, v in zip(gates, (i, f, g, o))] + [cs.write(after, c), hs.write(after, h)]
            return n + 1, states, stores

        loop = tf.while_loop(lambda n, *_: n < steps, step, (0, [tuple(s) for s in states], stores), maximum_iterations=steps)
        return [[a.stack() for a in arrays] for arrays in loop[2]]

    def backward(kept, d_sequences, recurrent_transposed, d_states, mask):
        """d_sequences [T, B, u a direction], d_states (dh, dc) after the last step
        -> per direction dz [T, B, 4u], its sum over the steps [B, 4u], and (dh, dc) before the first step.

        The sum, from which the bias gradient comes, is formed here, where dz is in the cache anyway: read again from
        memory it costs 2 % of a training step.
        """
        steps, (_, batch, units) = _size(d_sequences, 0), kept[0][0].shape
        stores = [_array(steps, batch, 4 * units, d_sequences.dtype) for _ in reverses]
        sums = [tf.zeros([_size(d_sequences, 1), 4 * units], d_sequences.dtype) for _ in reverses]

        def step(n, d_states, sums, stores):
            d_states, sums, stores = list(d_states), list(sums), list(stores)
            for k, reverse in enumerate(reverses):
                t = n if reverse else steps - 1 - n
                before = t + 1 if reverse else t
                *gates, cs, hs = kept[k]
                inputs = [a[t] for a in gates] + [cs[before], hs[before]]
                d_h, d_c = d_states[k]
                d_h += _at(d_sequences, t, k, units)
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(inputs)
                    i, f, g, o, c_prev, h_prev = inputs
                    c, h = cell(i, f, o, g, c_prev, h_prev, alter, None if mask is None else mask[t])
                d_i, d_f, d_g, d_o, d_c, d_h = tape.gradient((c, h), inputs, (d_c, d_h), unconnected_gradients="zero")
                d_z = tf.concat([d_i * i * (1 - i), d_f * f * (1 - f), d_g * (1 - g * g), d_o * o * (1 - o)], -1)
                d_states[k] = d_h + tf.matmul(d_z, recurrent_transposed[k]), d_c
                sums[k] += d_z
                stores[k] = stores[k].write(t, d_z)
            return n + 1, d_states, sums, stores

        loop = tf.while_loop(lambda n, *_: n < steps, step, (0, [tuple(s) for s in d_states], sums, stores), maximum_iterations=steps)
        return [a.stack() for a in loop[3]], loop[2], loop[1]

    return tf.function(forward, jit_compile=True, autograph=False), tf.function(backward, jit_compile=True, autograph=False)


def called(function):
    """A tf.function, called by its concrete function.

    TensorFlow takes functions of the same code, one made for each shape or each model, for one that is traced again and again.
    """
    return lambda *values: function.get_concrete_function(*values)(*values)


def _at(sequence, t, k, width):
    """Columns of direction k at step t, [B, width].

    In two slices on purpose: in a compiled tf.while_loop TensorFlow 2.21 silently reads sequence[t, :, a:b] with a
    tensor t as sequence[t, :, 0:b - a].
    """
    return sequence[t][:, width * k : width * (k + 1)]


def _array(steps, batch, width, dtype):
    return tf.TensorArray(dtype, steps, element_shape=[batch, width])


def _size(tensor, axis):
    """The static size where it is known: only then does XLA get constants."""
    return tf.shape(tensor)[axis] if tensor.shape[axis] is None else tensor.shape[axis]
