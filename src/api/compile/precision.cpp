#include "api/compile/precision.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/suggest.h"
#include "base/text.h"

namespace tempera::api {
namespace {

constexpr double kWorthwhile = 1.2;

Status check_one(std::string_view flag, const std::string& given,
                 const std::vector<std::string>& known) {
  if (given.empty() || std::ranges::find(known, given) != known.end()) return {};
  return error(ErrorCode::invalid_argument, "unknown {} {}; it may be {}{}", flag, quote(given),
               fmt::join(known, ", "), suggestion(given, known));
}

DType dtype_of(const std::string& weights, DType arithmetic) {
  if (weights.empty()) return arithmetic;
  return weights == "int8" ? DType::i8 : *dtype_from_name(weights);
}

}  // namespace

DType fastest_arithmetic(const Peaks& peaks) {
  const double least = kWorthwhile * peaks.f32_fma;
  if (peaks.f16_fma >= least && peaks.f16_fma > peaks.bf16()) return DType::f16;
  return peaks.bf16() >= least ? DType::bf16 : DType::f32;
}

Status check_names(const PrecisionNames& names) {
  TRY(check_one("precision", names.precision, {"auto", "f32", "bf16", "f16"}));
  return check_one("weights", names.weights, {"f32", "bf16", "f16", "int8"});
}

Result<graph::Precision> precision_from_names(const PrecisionNames& names, DType arithmetic) {
  TRY(check_names(names));
  if (names.precision.empty()) arithmetic = DType::f32;
  if (!names.precision.empty() && names.precision != "auto")
    arithmetic = *dtype_from_name(names.precision);
  const DType weights = dtype_of(names.weights, arithmetic);
  // Products of 16-bit values take both operands in 16 bits.
  if (weights != arithmetic && weights != DType::i8 && arithmetic != DType::f32)
    return error(ErrorCode::invalid_argument,
                 "weights of {} do not go with products of {}; pass --weights {} or int8, or leave "
                 "it out",
                 names.weights, name(arithmetic), name(arithmetic));
  return graph::Precision{.arithmetic = arithmetic, .storage = arithmetic, .weights = weights};
}

PrecisionNames names_of(const graph::Precision& precision) {
  const bool is_int8 = precision.weights == DType::i8;
  return {std::string(name(precision.arithmetic)),
          is_int8 ? "int8" : std::string(name(precision.weights))};
}

}  // namespace tempera::api
