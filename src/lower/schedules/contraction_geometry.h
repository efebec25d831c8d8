#pragma once

#include <optional>

#include "base/target.h"
#include "graph/passes/fuse.h"
#include "lower/index_map.h"

namespace tempera::lower {

// b as integers times a scale for each column and block of channels: b = cast(values) * scale,
// where `scale` repeats itself over `block` channels.
struct QuantizedB {
  graph::NodeId product;  // the multiplication, in the body
  graph::ValueId values;  // i8
  graph::ValueId scale;   // f32, of the product's shape
  int64_t block;
};

// A matmul or convolution in one normal form:
//   out[batch, row, col, n] = sum over tap_h, tap_w, channel of
//     a[batch, row * stride_h + tap_h * dilation_h - pad_h, col * stride_w + tap_w * dilation_w -
//     pad_w, channel]
//     * b[batch, tap_h, tap_w, channel, n]
// where a is 0 outside in_h x in_w. A matmul has one row and one tap; a 1x1 convolution of stride 1
// has its whole map in one row. Extents are in elements.
//
// A transposed convolution of stride s is s convolutions of stride 1 along each dimension, one for
// each phase of the output's places modulo s: phase p of pad c reads the taps k with
// k % s == (p + c) % s, k / s places apart. A batch entry is then an image and a phase, phases
// innermost; b differs by phase, and so does the pad (pad_at_h).
struct ContractionGeometry {
  int64_t batch = 1;
  int64_t rows = 1, cols = 1;  // of the output, or of one of its phases
  int64_t phases_h = 1, phases_w = 1;
  int64_t in_h = 1, in_w = 1;
  int64_t taps_h = 1, taps_w = 1;
  int64_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, pad_h = 0, pad_w = 0;
  int64_t channels = 1;
  int64_t n = 1;
  // Equal parts of the n columns whose same places are computed together: 2 if the epilogue slices
  // them into halves, else 1.
  int64_t parts = 1;
  int64_t b_batch = 1;       // distinct b: batch entry i reads b i % b_batch
  bool b_is_weight = false;  // b depends on weights and constants only

  graph::ValueId a = -1, b = -1, bias = -1;  // values of the body; bias may be absent
  Shape a_shape, b_shape, out_shape;         // logical, of the body's values
  DType a_dtype = DType::f32, b_dtype = DType::f32;
  std::optional<QuantizedB> quantized;  // of a weight
  bool is_conv = false;                 // values are [n, channel, spatial...]
  bool is_transposed = false;           // so they are too, of a transposed convolution
  int64_t shift_h = 0, shift_w = 0;     // c above
  bool flat = false;  // a conv's map, or a matmul's leading dimensions and rows, run in one row

  int64_t phases() const { return phases_h * phases_w; }
  // The batch entries that configs are ranked for: an image's, so that the order of its sums, and
  // with it its bits, are the same in a batch of any size.
  int64_t ranked_batch() const { return is_conv || is_transposed ? phases() : batch; }
  // The geometry of one image, where that is a part of it: a product of rows with one b has those
  // of an image in the first entry of its first dimension.
  ContractionGeometry of_one_image() const;
  // Whether ranking goes by images: not for products of a batch with another.
  bool ranks_images() const { return is_conv || is_transposed || flat; }
  int64_t taps() const { return taps_h * taps_w; }
  int64_t depth() const { return taps() * channels; }
  double flops() const { return 2.0 * batch * rows * cols * n * depth(); }

  // Logical indices in the body's values.
  Index a_index(const kernel::Expr& batch, const kernel::Expr& h, const kernel::Expr& w,
                const kernel::Expr& channel) const {
    return pixel_index(a_shape, image(batch), h, w, channel);
  }
  Index b_index(const kernel::Expr& batch, const kernel::Expr& tap_h, const kernel::Expr& tap_w,
                const kernel::Expr& channel, const kernel::Expr& n) const;
  Index out_index(const kernel::Expr& batch, const kernel::Expr& row, const kernel::Expr& col,
                  const kernel::Expr& n) const;

  // Places before the first that tap 0 of row or column 0 reads, in a batch entry.
  kernel::Expr pad_at_h(const kernel::Expr& batch) const;
  kernel::Expr pad_at_w(const kernel::Expr& batch) const;
  // Which b a batch entry reads.
  kernel::Expr b_entry(const kernel::Expr& batch) const;
  // The dimension of b's value that is the column.
  int b_column_dimension() const;

 private:
  kernel::Expr image(const kernel::Expr& batch) const;
  kernel::Expr phase_h(const kernel::Expr& batch) const;
  kernel::Expr phase_w(const kernel::Expr& batch) const;
  Index pixel_index(const Shape& shape, const kernel::Expr& batch, const kernel::Expr& h,
                    const kernel::Expr& w, const kernel::Expr& channel) const;
};

// The normal form of the group's anchor, or nothing if it has none: grouped or three-dimensional
// convolutions, transposed ones that are dilated or whose taps or places do not divide into phases,
// vectors, b that broadcasts over part of the batch, integers.
std::optional<ContractionGeometry> contraction_geometry(const graph::Group& group);
// Whether a contraction has one, as the anchor of any group.
bool has_contraction_geometry(const graph::Graph& graph, const graph::Node& node);

// What the products are computed in: the dtype of both operands where the target multiplies it
// (micro_kernel.h), else f32.
DType product_dtype(const ContractionGeometry& g, const Target& target);
// What packed b is kept in: i8 if quantised; a weight of 16 bits as it is; else product_dtype.
DType stored_dtype(const ContractionGeometry& g, const Target& target);

// The index in the product of quantised values and scale for an index in b.
Index quantized_index(const graph::Graph& body, const ContractionGeometry& g, const Index& b_index);

}  // namespace tempera::lower
