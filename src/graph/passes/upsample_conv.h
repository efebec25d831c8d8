#pragma once

#include "graph/graph.h"

namespace tempera::graph {

// conv(upsample_nearest(x)), where every side grows by a whole number n and the convolution has
// strides and dilations of 1, is conv_transpose(x) of stride n: a kernel of T taps meets each
// element of x in n + T - 1 places instead of n * T products. Its taps are sums of the kernel's
// taps that met one element, written as work on the weight.
Graph upsample_conv(const Graph& graph);

}  // namespace tempera::graph
