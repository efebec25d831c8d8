#include <algorithm>

#include "graph/evaluation/array.h"

namespace tempera::graph::evaluation {

namespace {

// c [m, n] += a [m, k] x b [k, n]; integers wrap.
template <typename T>
void multiply(const T* a, const T* b, T* c, int64_t m, int64_t k, int64_t n) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t l = 0; l < k; ++l) {
      T left = a[i * k + l];
      const T* row = b + l * n;
      for (int64_t j = 0; j < n; ++j) {
        if constexpr (std::is_integral_v<T>)
          c[i * n + j] =
              static_cast<T>(static_cast<uint64_t>(c[i * n + j]) +
                             static_cast<uint64_t>(left) * static_cast<uint64_t>(row[j]));
        else
          c[i * n + j] += left * row[j];
      }
    }
}

struct MatmulShapes {
  Shape a, b;   // with 1-D operands made matrices
  Shape batch;  // of the result
  int64_t m, k, n;
};

MatmulShapes matmul_shapes(Shape a, Shape b) {
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  int64_t m = a[a.size() - 2], k = a.back(), n = b.back();
  Shape batch = *broadcast({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
  return {std::move(a), std::move(b), std::move(batch), m, k, n};
}

// The offset of each of the batch's matrices in an operand.
std::vector<int64_t> matrix_offsets(const Shape& operand, const Shape& batch) {
  auto strides = row_major_strides(operand);
  size_t leading = operand.size() - 2, added = batch.size() - leading;
  OffsetTables tables;
  for (size_t d = 0; d < batch.size(); ++d) {
    bool repeats = d < added || operand[d - added] == 1;
    tables.push_back(progression(batch[d], repeats ? 0 : strides[d - added]));
  }
  return offsets(tables);
}

template <typename T>
Array matmul(const Call& call) {
  auto [a, b, batch, m, k, n] = matmul_shapes(call.input(0).shape, call.input(1).shape);
  auto a_at = matrix_offsets(a, batch), b_at = matrix_offsets(b, batch);
  const auto& left = std::get<std::vector<T>>(call.input(0).elements);
  const auto& right = std::get<std::vector<T>>(call.input(1).elements);
  std::vector<T> result(a_at.size() * m * n);
  for (size_t i = 0; i < a_at.size(); ++i)
    multiply(left.data() + a_at[i], right.data() + b_at[i], result.data() + i * m * n, m, k, n);
  return {call.shape(), std::move(result)};
}

// The input place that an output place reads at a tap (in places, dilation included); -1 for none.
int64_t input_place(Op op, int64_t place, int64_t tap, int64_t stride, int64_t pad,
                    int64_t extent) {
  int64_t from = place * stride + tap - pad;
  if (op == Op::conv_transpose) {
    int64_t spread = place + pad - tap;
    from = spread >= 0 && spread % stride == 0 ? spread / stride : -1;
  }
  return from < extent ? std::max<int64_t>(from, -1) : -1;
}

// For each place of the kernel, the offset within one channel that each output place reads; -1 for
// none.
std::vector<std::vector<int64_t>> patch_offsets(const Call& call) {
  const Shape &x = call.input(0).shape, &w = call.input(1).shape;
  size_t spatial = x.size() - 2;
  ConvGeometry geometry = conv_geometry(call.node.attributes, spatial);
  auto strides = row_major_strides(x);
  Shape kernel(w.begin() + 2, w.end());
  auto kernel_strides = row_major_strides(kernel);
  std::vector<std::vector<int64_t>> result;
  for (int64_t place = 0; place < element_count(kernel); ++place) {
    OffsetTables tables(spatial);
    for (size_t d = 0; d < spatial; ++d) {
      int64_t tap = place / kernel_strides[d] % kernel[d] * geometry.dilations[d];
      for (int64_t i = 0; i < call.shape()[d + 2]; ++i) {
        int64_t from = input_place(call.node.op, i, tap, geometry.strides[d],
                                   geometry.pads_before[d], x[d + 2]);
        tables[d].push_back(from < 0 ? -1 : from * strides[d + 2]);
      }
    }
    result.push_back(offsets(tables));
  }
  return result;
}

struct ConvSizes {
  int64_t images, channels, outputs, groups, kernel, in_places, out_places;
};

ConvSizes conv_sizes(const Call& call) {
  const Shape &x = call.input(0).shape, &w = call.input(1).shape, &y = call.shape();
  return {.images = x[0],
          .channels = x[1],
          .outputs = y[1],
          .groups = call.integer("groups"),
          .kernel = element_count({w.begin() + 2, w.end()}),
          .in_places = element_count({x.begin() + 2, x.end()}),
          .out_places = element_count({y.begin() + 2, y.end()})};
}

// Adds one input channel's share to all output channels of its group.
void add_channel(const ConvSizes& s, const std::vector<double>& patches, const double* weight,
                 int64_t weight_stride, double* out) {
  for (int64_t o = 0; o < s.outputs / s.groups; ++o)
    multiply(weight + o * weight_stride, patches.data(), out + o * s.out_places, 1, s.kernel,
             s.out_places);
}

Array conv(const Call& call) {
  const ConvSizes s = conv_sizes(call);
  const bool is_transposed = call.node.op == Op::conv_transpose;
  auto places = patch_offsets(call);
  const double* x = call.input(0).floats().data();
  const double* w = call.input(1).floats().data();
  int64_t group_channels = s.channels / s.groups, group_outputs = s.outputs / s.groups;
  std::vector<double> result(element_count(call.shape())), patches(s.kernel * s.out_places);
  for (int64_t i = 0; i < s.images * s.channels; ++i) {
    int64_t image = i / s.channels, channel = i % s.channels, group = channel / group_channels;
    for (int64_t k = 0; k < s.kernel; ++k)
      for (int64_t p = 0; p < s.out_places; ++p)
        patches[k * s.out_places + p] = places[k][p] < 0 ? 0 : x[i * s.in_places + places[k][p]];
    int64_t first_output = group * group_outputs;
    // Weights are [outputs, group's channels, kernel] or, transposed, [channels, group's outputs,
    // kernel].
    int64_t first = is_transposed ? channel * group_outputs
                                  : first_output * group_channels + channel % group_channels;
    int64_t step = is_transposed ? 1 : group_channels;
    add_channel(s, patches, w + first * s.kernel, step * s.kernel,
                result.data() + (image * s.outputs + first_output) * s.out_places);
  }
  if (call.has(2))
    for (int64_t i = 0; i < std::ssize(result); ++i)
      result[i] += call.input(2).floats()[i / s.out_places % s.outputs];
  return {call.shape(), std::move(result)};
}

}  // namespace

Arrays evaluate_contraction(const Call& call) {
  if (call.node.op != Op::matmul) return {conv(call)};
  return {call.input(0).is_float() ? matmul<double>(call) : matmul<int64_t>(call)};
}

}  // namespace tempera::graph::evaluation
