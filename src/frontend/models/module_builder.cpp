#include "frontend/models/module_builder.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace tempera::frontend {
namespace {

// What a UNet's first convolution with this many input channels belongs to; empty if it could be
// any.
std::string_view model_of_channels(int64_t channels) {
  switch (channels) {
    case 4:
      return "a text-to-image checkpoint";
    case 5:
      return "a depth-conditioned checkpoint";
    case 8:
      return "an InstructPix2Pix checkpoint";
    case 9:
      return "an inpainting checkpoint";
    default:
      return "";
  }
}

Error wrong_channels(const std::string& file, const std::string& name, const StoredTensor& tensor,
                     int64_t expected) {
  const std::string_view model = model_of_channels(tensor.shape[1]);
  return error(ErrorCode::data_loss,
               "{}: tensor {} has {} input channels, the model's config says {}; is this {}?", file,
               quote(name), tensor.shape[1], expected, model.empty() ? "the right config" : model);
}

}  // namespace

void ModuleBuilder::keep(Error error) {
  if (status_.ok()) status_ = std::move(error);
}

void ModuleBuilder::check(const std::string& name, const StoredTensor& tensor,
                          const Shape& expected) {
  const std::string &file = weights_.path(), stored = weights_.stored_name(name);
  if (!is_float(tensor.dtype))
    return keep(error(ErrorCode::data_loss,
                      "{}: tensor {} is of {}, expected a floating-point weight", file,
                      quote(stored), tempera::name(tensor.dtype)));
  if (tensor.shape == expected) return;
  if (weights_.part() == Part::unet && name == "conv_in.weight" && tensor.shape.size() == 4)
    return keep(wrong_channels(file, stored, tensor, expected[1]));
  if (tensor.shape.size() != expected.size())
    return keep(error(ErrorCode::data_loss,
                      "{}: tensor {} has {} dimensions, {}, expected {}, {}, by the model's config",
                      file, quote(stored), tensor.shape.size(), to_string(tensor.shape),
                      expected.size(), to_string(expected)));
  keep(error(
      ErrorCode::data_loss,
      "{}: tensor {} has shape {}, expected {} by the model's config; do both belong together?",
      file, quote(stored), to_string(tensor.shape), to_string(expected)));
}

ValueId ModuleBuilder::weight(std::string_view leaf, const Shape& expected) {
  const std::string name = b.path(leaf);
  const StoredTensor* tensor = weights_.find(name);
  if (tensor == nullptr) {
    keep(error(ErrorCode::data_loss,
               "{}: tensor {} of shape {} is missing, which the model's config asks for",
               weights_.path(), quote(weights_.stored_name(name)), to_string(expected)));
    return b.weight(name, DType::f32, expected);
  }
  check(name, *tensor, expected);
  return b.weight(name, is_float(tensor->dtype) ? tensor->dtype : DType::f32, expected);
}

ValueId ModuleBuilder::wrap(ValueId x, int64_t pad) {
  for (const int64_t axis : {2, 3}) {
    const int64_t extent = b.shape(x)[axis];
    x = b.concat({b.slice(x, axis, extent - pad, extent), x, b.slice(x, axis, 0, pad)}, axis);
  }
  return x;
}

ValueId ModuleBuilder::conv(std::string_view layer, ValueId x, int64_t out_channels, int64_t kernel,
                            const graph::GraphBuilder::ConvOptions& asked) {
  const auto scope = b.scope(layer);
  graph::GraphBuilder::ConvOptions options = asked;
  const int64_t pad = asked.pads.empty() ? asked.pad : asked.pads.front();
  const bool is_even = std::ranges::count(asked.pads, pad) == std::ssize(asked.pads);
  if (circular_ && pad > 0 && is_even) {
    x = wrap(x, pad);
    options.pad = 0;
    options.pads.clear();
  }
  const ValueId kernels = weight("weight", {out_channels, b.shape(x)[1], kernel, kernel});
  return b.mark(b.conv(x, kernels, weight("bias", {out_channels}), options));
}

ValueId ModuleBuilder::linear(std::string_view layer, ValueId x, int64_t out_features, bool bias) {
  const auto scope = b.scope(layer);
  const ValueId matrix = weight("weight", {out_features, b.shape(x).back()});
  return b.mark(b.linear(x, matrix, bias ? weight("bias", {out_features}) : kAbsent));
}

ValueId ModuleBuilder::group_norm(std::string_view layer, ValueId x, int64_t groups,
                                  double epsilon) {
  const auto scope = b.scope(layer);
  const int64_t channels = b.shape(x)[1];
  const ValueId scale = weight("weight", {channels}), bias = weight("bias", {channels});
  if (moments_are_given_ == kAbsent) return b.mark(b.group_norm(x, scale, bias, groups, epsilon));
  const std::vector<ValueId> affine = shared_affine(x, scale, bias, groups, epsilon);
  return b.mark(b.add(b.mul(x, affine[0]), affine[1]));
}

void ModuleBuilder::share_moments() {
  moments_are_given_ = b.input("moments_are_given", DType::boolean, {1}, graph::Rate::step);
}

std::vector<ValueId> ModuleBuilder::shared_affine(ValueId x, ValueId scale, ValueId bias,
                                                  int64_t groups, double epsilon) {
  const std::string name = b.path("moments");
  const ValueId own = b.op(graph::Op::channel_moments, {x});
  const ValueId given = b.input(name, DType::f32, b.shape(own), graph::Rate::step);
  b.output(name, own);
  return b.ops(graph::Op::group_norm_affine, {scale, bias, b.where(moments_are_given_, given, own)},
               {{"groups", groups},
                {"epsilon", epsilon},
                {"rank", static_cast<int64_t>(b.shape(x).size())}});
}

ValueId ModuleBuilder::layer_norm(std::string_view layer, ValueId x, double epsilon) {
  const auto scope = b.scope(layer);
  const int64_t width = b.shape(x).back();
  const ValueId scale = weight("weight", {width});
  return b.mark(b.layer_norm(x, scale, weight("bias", {width}), epsilon));
}

ValueId ModuleBuilder::activation(Activation activation, ValueId x) {
  switch (activation) {
    case Activation::silu:
      return b.silu(x);
    case Activation::relu:
      return b.op(graph::Op::relu, {x});
    case Activation::gelu:
      return b.gelu(x);
    case Activation::gelu_tanh:
      return b.gelu(x, true);
    case Activation::quick_gelu:
      return b.quick_gelu(x);
  }
  CHECK(false, "no such activation");
}

Result<ComponentGraph> ModuleBuilder::finish() && {
  TRY(status_);
  return ComponentGraph{std::move(b.graph), std::move(b.marks)};
}

}  // namespace tempera::frontend
