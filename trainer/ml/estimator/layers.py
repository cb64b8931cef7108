"""Keras' layers as functions, called as those of `tf.layers` were: `dense(x, 8)` makes a layer and applies it.

Such a call makes variables of its own each time, by the automatic names of Keras, or by `name`.
"""

from collections.abc import Callable
from typing import Any


def _function(kind: str, *, knows_training: bool = False) -> Callable[..., Any]:
    def apply(inputs: Any, *given: Any, training: Any = False, **named: Any) -> Any:
        from keras import layers

        layer = getattr(layers, kind)(*given, **named)
        return layer(inputs, training=training) if knows_training else layer(inputs)

    apply.__doc__ = f"`keras.layers.{kind}(...)` applied to `inputs`; all arguments but `training` are the layer's."
    return apply


dense = _function("Dense")
conv1d = _function("Conv1D")
conv2d = _function("Conv2D")
conv3d = _function("Conv3D")
max_pooling1d = _function("MaxPooling1D")
max_pooling2d = _function("MaxPooling2D")
average_pooling1d = _function("AveragePooling1D")
average_pooling2d = _function("AveragePooling2D")
flatten = _function("Flatten")
dropout = _function("Dropout", knows_training=True)
batch_normalization = _function("BatchNormalization", knows_training=True)
