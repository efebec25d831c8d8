#include "graph/build.h"

#include <cmath>

#include "graph/geometry.h"

namespace tempera::graph {

GraphBuilder::Scope::Scope(GraphBuilder& builder, std::string_view name)
    : builder_(builder), outer_size_(builder.path_.size()) {
  builder.path_ = builder.path(name);
}

std::string GraphBuilder::path(std::string_view name) const {
  if (path_.empty() || name.empty()) return path_ + std::string(name);
  return path_ + "." + std::string(name);
}

ValueId GraphBuilder::mark(std::string module_path, ValueId value) {
  marks.push_back({std::move(module_path), value});
  return value;
}

ValueId GraphBuilder::input(std::string name, DType dtype, Shape shape, Rate rate) {
  return graph.add_input(std::move(name), dtype, std::move(shape), rate);
}

ValueId GraphBuilder::weight(const std::string& name, DType stored, const Shape& shape, DType as) {
  auto [at, is_new] = weights_.try_emplace(name, kAbsent);
  if (is_new) at->second = cast(input(name, stored, shape, Rate::load), as);
  CHECK(this->shape(at->second) == shape, "weight '{}' is {} and {}", name,
        to_string(this->shape(at->second)), to_string(shape));
  return at->second;
}

ValueId GraphBuilder::scalar(double value, DType dtype) {
  Tensor tensor(dtype, {});
  switch (dtype) {
    case DType::f64:
      tensor.as<double>()[0] = value;
      break;
    case DType::f32:
      tensor.as<float>()[0] = static_cast<float>(value);
      break;
    case DType::f16:
      tensor.as<uint16_t>()[0] = f32_to_f16(static_cast<float>(value));
      break;
    case DType::bf16:
      tensor.as<uint16_t>()[0] = f32_to_bf16(static_cast<float>(value));
      break;
    case DType::i64:
      tensor.as<int64_t>()[0] = static_cast<int64_t>(value);
      break;
    case DType::i32:
      tensor.as<int32_t>()[0] = static_cast<int32_t>(value);
      break;
    case DType::i8:
      tensor.as<int8_t>()[0] = static_cast<int8_t>(value);
      break;
    case DType::u8:
      tensor.as<uint8_t>()[0] = static_cast<uint8_t>(value);
      break;
    case DType::boolean:
      tensor.as<uint8_t>()[0] = value != 0;
      break;
  }
  return literal(std::move(tensor));
}

std::vector<ValueId> GraphBuilder::ops(Op op, std::vector<ValueId> inputs,
                                       const Attributes& attributes) {
  std::vector<std::string> origin;
  if (!path_.empty()) origin.push_back(path_);
  return graph.add(op, std::move(inputs), attributes, std::move(origin));
}

ValueId GraphBuilder::op(Op op, std::vector<ValueId> inputs, const Attributes& attributes) {
  auto outputs = ops(op, std::move(inputs), attributes);
  CHECK(outputs.size() == 1, "{} has {} outputs", graph::name(op), outputs.size());
  return outputs[0];
}

ValueId GraphBuilder::gelu(ValueId x, bool tanh) {
  return op(Op::gelu, {x}, {{"tanh", int64_t{tanh}}});
}

ValueId GraphBuilder::cast(ValueId x, DType to) {
  return dtype(x) == to ? x : op(Op::cast, {x}, {{"to", to}});
}

ValueId GraphBuilder::reshape(ValueId x, const Shape& shape) {
  auto resolved = resolved_shape(this->shape(x), shape);
  CHECK(resolved, "reshape: {} does not become {}", to_string(this->shape(x)), to_string(shape));
  return op(Op::reshape, {x}, {{"shape", std::move(*resolved)}});
}

ValueId GraphBuilder::transpose(ValueId x, std::vector<int64_t> perm) {
  return op(Op::transpose, {x}, {{"perm", std::move(perm)}});
}

ValueId GraphBuilder::broadcast_to(ValueId x, Shape shape) {
  return op(Op::broadcast_to, {x}, {{"shape", std::move(shape)}});
}

ValueId GraphBuilder::slice(ValueId x, int64_t axis, int64_t start, int64_t end, int64_t step) {
  using List = std::vector<int64_t>;
  axis = positive_axis(axis, shape(x).size());
  return op(Op::slice, {x},
            {{"axes", List{axis}},
             {"starts", List{start}},
             {"ends", List{end}},
             {"steps", step == 1 ? List{} : List{step}}});
}

ValueId GraphBuilder::concat(std::vector<ValueId> xs, int64_t axis) {
  axis = positive_axis(axis, shape(xs.at(0)).size());
  return op(Op::concat, std::move(xs), {{"axis", axis}});
}

std::vector<ValueId> GraphBuilder::split(ValueId x, int64_t axis, std::vector<int64_t> sizes) {
  axis = positive_axis(axis, shape(x).size());
  return ops(Op::split, {x}, {{"axis", axis}, {"sizes", std::move(sizes)}});
}

std::vector<ValueId> GraphBuilder::chunk(ValueId x, int64_t axis, int64_t count) {
  int64_t extent = shape(x).at(positive_axis(axis, shape(x).size()));
  CHECK(count > 0 && extent % count == 0, "{} pieces of axis {} of {}", count, axis,
        to_string(shape(x)));
  return split(x, axis, std::vector<int64_t>(count, extent / count));
}

ValueId GraphBuilder::pad(ValueId x, std::vector<int64_t> pads, double value) {
  return op(Op::pad, {x}, {{"pads", std::move(pads)}, {"value", value}});
}

ValueId GraphBuilder::upsample_nearest(ValueId x, std::vector<int64_t> size) {
  return op(Op::upsample_nearest, {x}, {{"size", std::move(size)}});
}

ValueId GraphBuilder::gather(ValueId x, ValueId indices, int64_t axis) {
  return op(Op::gather, {x, indices}, {{"axis", positive_axis(axis, shape(x).size())}});
}

namespace {

// A list that only repeats the default is left out, so that equal convolutions have equal text.
std::vector<int64_t> repeated(size_t count, int64_t value, int64_t fallback) {
  return value == fallback ? std::vector<int64_t>{} : std::vector<int64_t>(count, value);
}

}  // namespace

ValueId GraphBuilder::conv(ValueId x, ValueId weight, ValueId bias, const ConvOptions& options) {
  size_t spatial = shape(x).size() - 2;
  auto pads = options.pads.empty() ? repeated(2 * spatial, options.pad, 0) : options.pads;
  return op(Op::conv, {x, weight, bias},
            {{"strides", repeated(spatial, options.stride, 1)},
             {"dilations", repeated(spatial, options.dilation, 1)},
             {"pads", std::move(pads)},
             {"groups", options.groups}});
}

ValueId GraphBuilder::linear(ValueId x, ValueId weight, ValueId bias) {
  ValueId product = matmul(x, transpose(weight, {1, 0}));
  return bias == kAbsent ? product : add(product, bias);
}

ValueId GraphBuilder::group_norm(ValueId x, ValueId scale, ValueId bias, int64_t groups,
                                 double epsilon) {
  return op(Op::group_norm, {x, scale, bias}, {{"groups", groups}, {"epsilon", epsilon}});
}

ValueId GraphBuilder::layer_norm(ValueId x, ValueId scale, ValueId bias, double epsilon) {
  return op(Op::layer_norm, {x, scale, bias}, {{"epsilon", epsilon}});
}

ValueId GraphBuilder::softmax(ValueId x, int64_t axis) {
  return op(Op::softmax, {x}, {{"axis", axis}});
}

ValueId GraphBuilder::argmax(ValueId x, int64_t axis, bool keepdims) {
  return op(Op::argmax, {x},
            {{"axis", positive_axis(axis, shape(x).size())}, {"keepdims", int64_t{keepdims}}});
}

ValueId GraphBuilder::attention(ValueId q, ValueId k, ValueId v, const AttentionOptions& options) {
  return op(
      Op::attention, {q, k, v, options.mask},
      {{"heads", options.heads}, {"scale", options.scale}, {"causal", int64_t{options.causal}}});
}

}  // namespace tempera::graph
