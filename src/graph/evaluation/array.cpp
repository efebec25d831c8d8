#include "graph/evaluation/array.h"

namespace tempera::graph::evaluation {

namespace {

template <typename To, typename From>
std::vector<To> converted(const Tensor& tensor, To (*convert)(From)) {
  auto elements = tensor.as<From>();
  std::vector<To> result(elements.size());
  for (size_t i = 0; i < result.size(); ++i) result[i] = convert(elements[i]);
  return result;
}

template <typename To, typename From>
std::vector<To> widened(const Tensor& tensor) {
  return converted<To, From>(tensor, [](From value) { return static_cast<To>(value); });
}

template <typename To, typename From>
void store(const std::vector<From>& elements, Tensor& tensor, To (*convert)(From)) {
  auto out = tensor.as<To>();
  for (size_t i = 0; i < elements.size(); ++i) out[i] = convert(elements[i]);
}

template <typename To, typename From>
To narrowed(From value) {
  return static_cast<To>(value);
}

}  // namespace

Array to_array(const Tensor& tensor) {
  Array array{tensor.shape, {}};
  auto half = [](uint16_t bits) { return double{f16_to_f32(bits)}; };
  auto brain = [](uint16_t bits) { return double{bf16_to_f32(bits)}; };
  switch (tensor.dtype) {
    case DType::f64:
      array.elements = widened<double, double>(tensor);
      break;
    case DType::f32:
      array.elements = widened<double, float>(tensor);
      break;
    case DType::f16:
      array.elements = converted<double, uint16_t>(tensor, half);
      break;
    case DType::bf16:
      array.elements = converted<double, uint16_t>(tensor, brain);
      break;
    case DType::i64:
      array.elements = widened<int64_t, int64_t>(tensor);
      break;
    case DType::i32:
      array.elements = widened<int64_t, int32_t>(tensor);
      break;
    case DType::i8:
      array.elements = widened<int64_t, int8_t>(tensor);
      break;
    case DType::u8:
    case DType::boolean:
      array.elements = widened<int64_t, uint8_t>(tensor);
      break;
  }
  return array;
}

Tensor to_tensor(const Array& array, DType dtype) {
  Tensor tensor(dtype, array.shape);
  auto half = [](double value) { return f32_to_f16(static_cast<float>(value)); };
  auto brain = [](double value) { return f32_to_bf16(static_cast<float>(value)); };
  switch (dtype) {
    case DType::f64:
      store<double>(array.floats(), tensor, narrowed<double, double>);
      break;
    case DType::f32:
      store<float>(array.floats(), tensor, narrowed<float, double>);
      break;
    case DType::f16:
      store<uint16_t, double>(array.floats(), tensor, half);
      break;
    case DType::bf16:
      store<uint16_t, double>(array.floats(), tensor, brain);
      break;
    case DType::i64:
      store<int64_t>(array.integers(), tensor, narrowed<int64_t, int64_t>);
      break;
    case DType::i32:
      store<int32_t>(array.integers(), tensor, narrowed<int32_t, int64_t>);
      break;
    case DType::i8:
      store<int8_t>(array.integers(), tensor, narrowed<int8_t, int64_t>);
      break;
    case DType::u8:
    case DType::boolean:
      store<uint8_t>(array.integers(), tensor, narrowed<uint8_t, int64_t>);
      break;
  }
  return tensor;
}

int64_t wrapped(int64_t value, DType dtype) {
  switch (dtype) {
    case DType::i32:
      return static_cast<int32_t>(value);
    case DType::i8:
      return static_cast<int8_t>(value);
    case DType::u8:
      return static_cast<uint8_t>(value);
    case DType::boolean:
      return value != 0;
    default:
      return value;
  }
}

void round_to(Array& array, DType dtype) {
  if (dtype == DType::f64 || dtype == DType::i64) return;
  if (!array.is_float()) {
    for (int64_t& value : std::get<1>(array.elements)) value = wrapped(value, dtype);
    return;
  }
  for (double& value : std::get<0>(array.elements)) {
    auto single = static_cast<float>(value);
    if (dtype == DType::f16) single = f16_to_f32(f32_to_f16(single));
    if (dtype == DType::bf16) single = bf16_to_f32(f32_to_bf16(single));
    value = single;
  }
}

std::vector<int64_t> offsets(const OffsetTables& tables) {
  std::vector<int64_t> result{0};
  for (const auto& table : tables) {
    std::vector<int64_t> next(result.size() * table.size());
    for (size_t i = 0; i < result.size(); ++i)
      for (size_t j = 0; j < table.size(); ++j)
        next[i * table.size() + j] = result[i] < 0 || table[j] < 0 ? -1 : result[i] + table[j];
    result = std::move(next);
  }
  return result;
}

std::vector<int64_t> progression(int64_t count, int64_t step, int64_t start) {
  std::vector<int64_t> result(count);
  for (int64_t i = 0; i < count; ++i) result[i] = start + i * step;
  return result;
}

Array gathered(const Array& from, const std::vector<int64_t>& offsets, Shape shape, double fill) {
  auto pick = [&](const auto& elements) -> Array {
    std::decay_t<decltype(elements)> result(offsets.size());
    using T = typename std::decay_t<decltype(elements)>::value_type;
    for (size_t i = 0; i < offsets.size(); ++i)
      result[i] = offsets[i] < 0 ? static_cast<T>(fill) : elements[offsets[i]];
    return {std::move(shape), std::move(result)};
  };
  return std::visit(pick, from.elements);
}

Array expanded(const Array& from, const Shape& shape) {
  if (from.shape == shape) return from;
  auto strides = row_major_strides(from.shape);
  size_t added = shape.size() - from.shape.size();
  OffsetTables tables;
  for (size_t d = 0; d < shape.size(); ++d) {
    bool repeats = d < added || from.shape[d - added] == 1;
    tables.push_back(progression(shape[d], repeats ? 0 : strides[d - added]));
  }
  return gathered(from, offsets(tables), shape);
}

}  // namespace tempera::graph::evaluation
