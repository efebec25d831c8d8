#include "bench/workloads.h"

#include <fmt/format.h>

#include "graph/build.h"

namespace tempera::bench {

using graph::GraphBuilder;
using graph::Rate;
using graph::ValueId;

namespace {

Workload conv(int64_t batch, int64_t in, int64_t out, int64_t size, int64_t kernel,
              int64_t stride = 1) {
  GraphBuilder b;
  // Channels-last in memory at both ends, as inside a model.
  const ValueId nhwc = b.input("x", DType::f32, {batch, size, size, in}, Rate::step);
  const ValueId x = b.silu(b.transpose(nhwc, {0, 3, 1, 2}));
  const ValueId w = b.weight("w", DType::f16, {out, in, kernel, kernel});
  const ValueId y =
      b.conv(x, w, b.weight("bias", DType::f16, {out}), {.stride = stride, .pad = kernel / 2});
  b.output("y", b.transpose(y, {0, 2, 3, 1}));
  const int64_t side = size / stride;
  return {fmt::format("conv{}x{} {}->{} @{} b{}{}", kernel, kernel, in, out, size, batch,
                      stride > 1 ? " s2" : ""),
          b.graph, 2.0 * static_cast<double>(batch * side * side * out * in * kernel * kernel)};
}

Workload linear(int64_t rows, int64_t in, int64_t out) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {1, rows, in}, Rate::step);
  b.output("y",
           b.linear(x, b.weight("w", DType::f16, {out, in}), b.weight("bias", DType::f16, {out})));
  return {fmt::format("linear {}x{}->{}", rows, in, out), b.graph,
          2.0 * static_cast<double>(rows * in * out)};
}

Workload attention(int64_t batch, int64_t tokens, int64_t keys, int64_t heads, int64_t width) {
  GraphBuilder b;
  const ValueId q = b.input("q", DType::f32, {batch, tokens, heads * width}, Rate::step);
  const ValueId k = b.input("k", DType::f32, {batch, keys, heads * width}, Rate::step);
  const ValueId v = b.input("v", DType::f32, {batch, keys, heads * width}, Rate::step);
  b.output("y", b.attention(q, k, v, {.heads = heads}));
  return {fmt::format("attention {}x{} {} heads of {} b{}", tokens, keys, heads, width, batch),
          b.graph, 4.0 * static_cast<double>(batch * tokens * keys * heads * width)};
}

}  // namespace

std::vector<Workload> ten_workloads() {
  std::vector<Workload> all;
  all.push_back(conv(2, 320, 320, 64, 3));
  all.push_back(conv(2, 640, 640, 32, 3));
  all.push_back(conv(2, 1280, 1280, 16, 3));
  all.push_back(conv(2, 1280, 1280, 8, 3));
  all.push_back(conv(2, 320, 320, 64, 3, 2));
  all.push_back(conv(1, 256, 256, 128, 3));
  all.push_back(conv(2, 640, 320, 64, 1));
  all.push_back(linear(8192, 320, 2560));
  all.push_back(linear(512, 5120, 1280));
  all.push_back(attention(2, 1024, 1024, 8, 80));
  return all;
}

}  // namespace tempera::bench
