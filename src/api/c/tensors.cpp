#include "api/c/boundary.h"
#include "api/run/run_component.h"

struct tempera_outputs {
  tempera::api::NamedValues list;
};

namespace tempera::api {
namespace {

// In the order of tempera_dtype.
constexpr DType kDtypes[] = {DType::f64, DType::f32, DType::f16, DType::bf16,   DType::i64,
                             DType::i32, DType::i8,  DType::u8,  DType::boolean};

Result<std::pair<std::string, Tensor>> tensor_of(const tempera_tensor& given) {
  TRY(check_given(given.name, "tempera_tensor: name"));
  TRY(check_given(given.data, given.name));
  const auto dtype = static_cast<size_t>(given.dtype);
  if (dtype >= std::size(kDtypes))
    return error(ErrorCode::invalid_argument, "{}: dtype {} is unknown", given.name, dtype);
  if (given.rank > 0) TRY(check_given(given.shape, given.name));
  const Shape shape(given.shape, given.shape + given.rank);
  for (const int64_t extent : shape)
    if (extent < 1)
      return error(ErrorCode::invalid_argument, "{}: the shape {} has an extent below 1",
                   given.name, to_string(shape));
  Tensor tensor(kDtypes[dtype], shape);
  std::memcpy(tensor.data.data(), given.data, tensor.data.size());
  return std::pair{std::string(given.name), std::move(tensor)};
}

// The inputs lie behind each other at the caller's struct size.
Result<NamedValues> tensors_of(const tempera_tensor* inputs, size_t count) {
  NamedValues tensors;
  const auto* at = reinterpret_cast<const std::byte*>(inputs);
  for (size_t i = 0; i < count; ++i) {
    const auto* input = reinterpret_cast<const tempera_tensor*>(at);
    ASSIGN_OR_RETURN(const tempera_tensor fields, read_struct(input, "tempera_tensor"));
    ASSIGN_OR_RETURN(auto tensor, tensor_of(fields));
    tensors.push_back(std::move(tensor));
    at += inputs->struct_size;
  }
  return tensors;
}

Status run(tempera_model* model, const char* component, const tempera_tensor* inputs, size_t count,
           tempera_outputs** outputs) {
  TRY(check_given(model, "model"));
  TRY(check_given(component, "component"));
  TRY(check_given(outputs, "outputs"));
  *outputs = nullptr;
  if (count > 0) TRY(check_given(inputs, "inputs"));
  ASSIGN_OR_RETURN(NamedValues tensors, tensors_of(inputs, count));
  ASSIGN_OR_RETURN(const BoundInputs bound,
                   bind_inputs(model->session->info(), component, std::move(tensors)));
  ASSIGN_OR_RETURN(ComponentRun result, run_component(*model->session, bound));
  *outputs = new tempera_outputs{std::move(result.outputs)};
  return {};
}

Status get_output(const tempera_outputs* outputs, size_t index, tempera_tensor* to) {
  TRY(check_given(outputs, "outputs"));
  if (index >= outputs->list.size())
    return error(ErrorCode::invalid_argument, "output {} of {}", index, outputs->list.size());
  const auto& [name, tensor] = outputs->list[index];
  const auto dtype = std::ranges::find(kDtypes, tensor.dtype) - std::begin(kDtypes);
  const tempera_tensor fields{.name = name.c_str(),
                              .dtype = static_cast<tempera_dtype>(dtype),
                              .rank = tensor.shape.size(),
                              .shape = tensor.shape.data(),
                              .data = tensor.data.data()};
  return write_struct(fields, to, "tempera_tensor");
}

}  // namespace
}  // namespace tempera::api

using tempera::api::guarded;

tempera_status tempera_run(tempera_model* model, const char* component,
                           const tempera_tensor* inputs, size_t input_count,
                           tempera_outputs** outputs) {
  return guarded([&] { return tempera::api::run(model, component, inputs, input_count, outputs); });
}

size_t tempera_output_count(const tempera_outputs* outputs) {
  return outputs == nullptr ? 0 : outputs->list.size();
}

tempera_status tempera_get_output(const tempera_outputs* outputs, size_t index,
                                  tempera_tensor* tensor) {
  return guarded([&] { return tempera::api::get_output(outputs, index, tensor); });
}

void tempera_free_outputs(tempera_outputs* outputs) { delete outputs; }
