#include <fmt/ranges.h>

#include <algorithm>

#include "api/run/run_component.h"
#include "base/text.h"
#include "diffusion/prompt/embedding.h"
#include "tensor_file/convert.h"

namespace tempera::api {
namespace {

struct InputRow {
  std::string_view name;
  DType dtype;
  size_t rank;
};

// What each component takes.
std::vector<InputRow> inputs_of(std::string_view component) {
  if (component == "text_encoder") return {{"input_ids", DType::i32, 2}};
  if (component == "unet")
    return {{"sample", DType::f32, 4},
            {"timestep", DType::f32, 1},
            {"encoder_hidden_states", DType::f32, 3}};
  if (component == "vae_decoder") return {{"latent", DType::f32, 4}};
  if (component == "vae_encoder") return {{"image", DType::f32, 4}};
  return {};
}

std::string names_of(const std::vector<InputRow>& rows) {
  std::vector<std::string_view> names;
  for (const InputRow& row : rows) names.push_back(row.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Status check_names(std::string_view component, const std::vector<InputRow>& rows,
                   const NamedValues& inputs) {
  for (const auto& [name, tensor] : inputs)
    if (std::ranges::find(rows, name, &InputRow::name) == rows.end())
      return error(ErrorCode::invalid_argument, "{} takes no input {}; it takes {}", component,
                   quote(name), names_of(rows));
  for (const InputRow& row : rows)
    if (std::ranges::find(inputs, row.name, &NamedValues::value_type::first) == inputs.end())
      return error(ErrorCode::not_found, "input '{}' of {} is missing; it takes {}", row.name,
                   component, names_of(rows));
  return {};
}

Error wrong_shape(std::string_view name, const Shape& shape, std::string_view wanted) {
  return error(ErrorCode::invalid_argument, "input '{}' has shape {}, but {} is wanted", name,
               to_string(shape), wanted);
}

Result<Tensor> as_dtype(Tensor tensor, const InputRow& row) {
  if (is_float(tensor.dtype) && is_integer(row.dtype))
    return error(ErrorCode::invalid_argument, "input '{}' is {}, but takes i64 or i32", row.name,
                 name(tensor.dtype));
  if (tensor.dtype == row.dtype) return tensor;
  Tensor converted(row.dtype, tensor.shape);
  convert(tensor.dtype, tensor.data, row.dtype, converted.data);
  return converted;
}

// The inputs in the order of `rows`, in their dtype and rank.
Result<NamedValues> ordered(const std::vector<InputRow>& rows, NamedValues inputs) {
  NamedValues result;
  for (const InputRow& row : rows) {
    auto found = std::ranges::find(inputs, row.name, &NamedValues::value_type::first);
    Tensor& tensor = found->second;
    // A scalar timestep is one for all.
    if (row.rank == 1 && tensor.shape.empty()) tensor.shape = {1};
    if (tensor.shape.size() != row.rank)
      return wrong_shape(row.name, tensor.shape, fmt::format("{} dimensions", row.rank));
    for (const int64_t extent : tensor.shape)
      if (extent < 1) return wrong_shape(row.name, tensor.shape, "no empty dimension");
    ASSIGN_OR_RETURN(Tensor converted, as_dtype(std::move(tensor), row));
    result.emplace_back(row.name, std::move(converted));
  }
  return result;
}

Status check_ids(const Tensor& ids, const ModelInfo& info) {
  if (ids.shape[1] > info.text_tokens)
    return wrong_shape("input_ids", ids.shape,
                       fmt::format("[batch, {}] or shorter", info.text_tokens));
  for (const int32_t id : ids.as<int32_t>())
    if (id < 0 || id >= info.vocabulary)
      return error(ErrorCode::invalid_argument,
                   "input 'input_ids' holds {}, which is not within the vocabulary's 0 to {}", id,
                   info.vocabulary - 1);
  return {};
}

Tensor repeated(const Tensor& one, int64_t count) {
  return Tensor::of<float>(DType::f32, {count}, std::vector<float>(count, one.as<float>()[0]));
}

Status check_unet(NamedValues& inputs, const ModelInfo& info) {
  const Tensor& sample = inputs[0].second;
  Tensor& timestep = inputs[1].second;
  const Tensor& context = inputs[2].second;
  const int64_t batch = sample.shape[0];
  if (sample.shape[1] != info.unet_channels)
    return wrong_shape("sample", sample.shape,
                       fmt::format("[batch, {}, height, width]", info.unet_channels));
  if (timestep.shape[0] == 1) timestep = repeated(timestep, batch);
  if (timestep.shape[0] != batch)
    return wrong_shape("timestep", timestep.shape, fmt::format("[1] or [{}]", batch));
  if (context.shape[0] % batch != 0 ||
      (info.context_width > 0 && context.shape[2] != info.context_width))
    return wrong_shape(
        "encoder_hidden_states", context.shape,
        fmt::format("[{}, tokens, {}] or whole times as many rows", batch, info.context_width));
  return {};
}

Status check_channels(const std::pair<std::string, Tensor>& input, int64_t channels) {
  if (input.second.shape[1] == channels) return {};
  return wrong_shape(input.first, input.second.shape,
                     fmt::format("[batch, {}, height, width]", channels));
}

Status check(std::string_view component, NamedValues& inputs, const ModelInfo& info) {
  if (component == "text_encoder") return check_ids(inputs[0].second, info);
  if (component == "unet") return check_unet(inputs, info);
  return check_channels(inputs[0], component == "vae_decoder" ? info.latent_channels : 3);
}

}  // namespace

Result<BoundInputs> bind_inputs(const ModelInfo& info, std::string_view component,
                                NamedValues inputs) {
  if (std::ranges::find(info.components, component) == info.components.end())
    return error(ErrorCode::not_found, "{} has no component {}; it has {}", info.name,
                 quote(component), fmt::join(info.components, ", "));
  const std::vector<InputRow> rows = inputs_of(component);
  TRY(check_names(component, rows, inputs));
  BoundInputs bound;
  ASSIGN_OR_RETURN(bound.inputs, ordered(rows, std::move(inputs)));
  TRY(check(component, bound.inputs, info));
  const Shape shape = bound.inputs[0].second.shape;
  bound.request.component = component;
  bound.request.batch = shape[0];
  if (component == "text_encoder") {
    bound.request.tokens = shape[1];
    // Words of textual inversions only come with prompts.
    bound.inputs.emplace_back("added_embeddings",
                              Tensor(DType::f32, {diffusion::kAddedTokens, info.context_width}));
  }
  if (shape.size() == 4) {
    bound.request.height = shape[2];
    bound.request.width = shape[3];
  }
  if (component == "unet") {
    const Shape& context = bound.inputs[2].second.shape;
    bound.request.tokens = context[1];
    bound.request.batch = context[0];
    bound.request.repeat = context[0] / shape[0];
  }
  return bound;
}

}  // namespace tempera::api
