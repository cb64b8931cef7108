"""Keras' layers as functions, called as those of `tf.layers` were: `dense(x, 8)` makes a layer and applies it.

Such a call makes variables of its own each time, by automatic names that are counted as they were (`dense`, `dense_1`;
anew in each `tf.compat.v1.variable_scope`), or by `name`. In a variable scope with `reuse` the same name shares them.
"""

from collections.abc import Callable
from typing import Any

from .running import automatic_name


def _function(name: str, kind: str, *, knows_training: bool = False) -> Callable[..., Any]:
    def apply(inputs: Any, *given: Any, training: Any = False, **named: Any) -> Any:
        from keras import layers

        named["name"] = named.get("name") or automatic_name(name)
        layer = getattr(layers, kind)(*given, **named)
        return layer(inputs, training=training) if knows_training else layer(inputs)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"`keras.layers.{kind}(...)` applied to `inputs`; all arguments but `training` are the layer's."
    return apply


dense = _function("dense", "Dense")
conv1d = _function("conv1d", "Conv1D")
conv2d = _function("conv2d", "Conv2D")
conv3d = _function("conv3d", "Conv3D")
max_pooling1d = _function("max_pooling1d", "MaxPooling1D")
max_pooling2d = _function("max_pooling2d", "MaxPooling2D")
average_pooling1d = _function("average_pooling1d", "AveragePooling1D")
average_pooling2d = _function("average_pooling2d", "AveragePooling2D")
flatten = _function("flatten", "Flatten")
dropout = _function("dropout", "Dropout", knows_training=True)
batch_normalization = _function("batch_normalization", "BatchNormalization", knows_training=True)
