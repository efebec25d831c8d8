#include "frontend/adapters/delta.h"

#include <cmath>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "frontend/adapters/matrix.h"
#include "tensor_file/convert.h"

namespace tempera::frontend {
namespace {

// A matrix that is made when it is needed.
struct Factor {
  int64_t rows = 0, cols = 0;
  std::function<Result<Matrix>()> make;
};

// A change before it is scaled, and the rank that alpha is divided by; 0: alpha does not count.
struct Delta {
  Factor factor;
  int64_t rank = 0;
};

// What is being read: a layer and the weight that it changes.
struct Reader {
  const AdapterLayer& layer;
  const Shape& shape;
  const std::string& where;

  bool has(std::string_view role) const { return layer.contains(role); }
  int64_t out() const { return shape.front(); }
  int64_t in() const { return shape.size() > 1 ? shape[1] : 1; }
  int64_t kernel() const { return element_count(shape) / out() / in(); }
};

Error contradicts(const Reader& r, const Factor& a, const Factor& b) {
  return error(ErrorCode::data_loss, "{}: factors of {} x {} and {} x {} do not fit each other",
               r.where, a.rows, a.cols, b.rows, b.cols);
}

// The tensor of a role as [first extent, all others].
Result<Factor> factor_of(const Reader& r, std::string_view role) {
  const auto found = r.layer.find(role);
  if (found == r.layer.end())
    return error(ErrorCode::data_loss, "{}: tensor {} is missing", r.where, quote(role));
  const StoredTensor& tensor = found->second;
  if (tensor.shape.empty() || element_count(tensor.shape) == 0 || !is_float(tensor.dtype))
    return error(ErrorCode::data_loss, "{}: tensor {} of {} {} is no factor of a weight", r.where,
                 quote(role), name(tensor.dtype), to_string(tensor.shape));
  const int64_t rows = tensor.shape.front(), cols = element_count(tensor.shape) / rows;
  return Factor{rows, cols, [tensor, rows, cols]() -> Result<Matrix> {
                  ASSIGN_OR_RETURN(std::vector<float> values, values_of(tensor));
                  return Matrix{rows, cols, std::move(values)};
                }};
}

Result<Factor> product_of(const Reader& r, const Factor& a, const Factor& b) {
  if (a.cols != b.rows) return contradicts(r, a, b);
  return Factor{a.rows, b.cols, [a, b]() -> Result<Matrix> {
                  ASSIGN_OR_RETURN(const Matrix left, a.make());
                  ASSIGN_OR_RETURN(const Matrix right, b.make());
                  return product(left, right);
                }};
}

Factor transposed(const Factor& a) {
  return {a.cols, a.rows, [a]() -> Result<Matrix> {
            ASSIGN_OR_RETURN(const Matrix matrix, a.make());
            return frontend::transposed(matrix);
          }};
}

Result<Factor> tucker_of(const Reader& r, const Factor& core, const Factor& a, const Factor& b) {
  if (a.cols != core.rows) return contradicts(r, a, core);
  if (core.cols % b.rows != 0) return contradicts(r, core, b);
  return Factor{a.rows, b.cols * (core.cols / b.rows), [core, a, b]() -> Result<Matrix> {
                  ASSIGN_OR_RETURN(const Matrix middle, core.make());
                  ASSIGN_OR_RETURN(const Matrix left, a.make());
                  ASSIGN_OR_RETURN(const Matrix right, b.make());
                  return tucker(middle, left, right);
                }};
}

// Two factors, or three with the core `t`, whose outer two are then both [r, n].
Result<Factor> decomposed(const Reader& r, std::string_view a_role, std::string_view b_role,
                          std::string_view core_role) {
  ASSIGN_OR_RETURN(const Factor a, factor_of(r, a_role));
  ASSIGN_OR_RETURN(const Factor b, factor_of(r, b_role));
  if (!r.has(core_role)) return product_of(r, a, b);
  ASSIGN_OR_RETURN(const Factor core, factor_of(r, core_role));
  return tucker_of(r, core, transposed(a), b);
}

Result<Delta> read_lora(const Reader& r) {
  ASSIGN_OR_RETURN(const Factor up, factor_of(r, "lora_up"));
  ASSIGN_OR_RETURN(const Factor down, factor_of(r, "lora_down"));
  if (!r.has("lora_mid")) {
    ASSIGN_OR_RETURN(Factor whole, product_of(r, up, down));
    return Delta{std::move(whole), down.rows};
  }
  ASSIGN_OR_RETURN(const Factor mid, factor_of(r, "lora_mid"));
  ASSIGN_OR_RETURN(Factor whole, tucker_of(r, mid, up, down));
  return Delta{std::move(whole), down.rows};
}

Result<Delta> read_loha(const Reader& r) {
  ASSIGN_OR_RETURN(const Factor one, decomposed(r, "hada_w1_a", "hada_w1_b", "hada_t1"));
  ASSIGN_OR_RETURN(const Factor two, decomposed(r, "hada_w2_a", "hada_w2_b", "hada_t2"));
  ASSIGN_OR_RETURN(const Factor b, factor_of(r, "hada_w1_b"));
  if (one.rows != two.rows || one.cols != two.cols) return contradicts(r, one, two);
  return Delta{{one.rows, one.cols,
                [one, two]() -> Result<Matrix> {
                  ASSIGN_OR_RETURN(Matrix result, one.make());
                  ASSIGN_OR_RETURN(const Matrix other, two.make());
                  for (size_t i = 0; i < result.values.size(); ++i)
                    result.values[i] *= other.values[i];
                  return result;
                }},
               b.rows};
}

Result<Delta> read_lokr(const Reader& r) {
  int64_t rank = 0;
  const auto part = [&](const std::string& role, std::string_view core) -> Result<Factor> {
    if (r.has(role)) return factor_of(r, role);
    ASSIGN_OR_RETURN(const Factor b, factor_of(r, role + "_b"));
    rank = b.rows;
    return decomposed(r, role + "_a", role + "_b", core);
  };
  ASSIGN_OR_RETURN(const Factor one, part("lokr_w1", "lokr_t1"));
  ASSIGN_OR_RETURN(const Factor two, part("lokr_w2", "lokr_t2"));
  const int64_t kernel = r.kernel();
  if (two.cols % kernel != 0) return contradicts(r, one, two);
  return Delta{{one.rows * two.rows, one.cols * two.cols,
                [one, two, kernel]() -> Result<Matrix> {
                  ASSIGN_OR_RETURN(const Matrix outer, one.make());
                  ASSIGN_OR_RETURN(const Matrix inner, two.make());
                  return kronecker(outer, inner, kernel);
                }},
               rank};
}

Result<Delta> read_delta(const Reader& r) {
  if (r.has("lora_up") || r.has("lora_down")) return read_lora(r);
  if (r.has("hada_w1_a")) return read_loha(r);
  if (r.has("lokr_w1") || r.has("lokr_w1_a")) return read_lokr(r);
  if (!r.has("diff"))
    return error(ErrorCode::unsupported,
                 "{}: tensor {} belongs to no kind of adapter known here (LoRA, LoCon, LoHa, LoKr)",
                 r.where, quote(r.layer.empty() ? "" : r.layer.begin()->first));
  ASSIGN_OR_RETURN(Factor whole, factor_of(r, "diff"));
  return Delta{std::move(whole), 0};
}

Status check_fits(const Reader& r, const Factor& delta) {
  if (delta.rows == r.out() && delta.cols == element_count(r.shape) / r.out()) return {};
  return error(ErrorCode::invalid_argument,
               "{}: changes a weight of {} x {}, the model's is {}; was it made for another family "
               "of models?",
               r.where, delta.rows, delta.cols, to_string(r.shape));
}

// alpha / rank.
Result<double> scale_of(const Reader& r, int64_t rank) {
  const auto alpha = r.layer.find("alpha");
  if (alpha == r.layer.end() || rank == 0) return 1.0;
  ASSIGN_OR_RETURN(const std::vector<float> values, values_of(alpha->second));
  if (values.size() == 1 && std::isfinite(values[0]))
    return static_cast<double>(values[0]) / static_cast<double>(rank);
  return error(ErrorCode::data_loss, "{}: tensor 'alpha' of shape {} is not one finite number",
               r.where, to_string(alpha->second.shape));
}

// DoRA's magnitudes, of each output channel or of each input channel.
struct Magnitudes {
  StoredTensor tensor;
  bool of_outputs = true;
  int64_t out, in, kernel;

  int64_t channel(int64_t i) const { return of_outputs ? i / (in * kernel) : i / kernel % in; }
};

Result<std::optional<Magnitudes>> read_magnitudes(const Reader& r) {
  const auto found = r.layer.find("dora_scale");
  if (found == r.layer.end()) return std::optional<Magnitudes>();
  const Shape& shape = found->second.shape;
  Magnitudes result{found->second, true, r.out(), r.in(), r.kernel()};
  const int64_t count = element_count(shape);
  result.of_outputs = !shape.empty() && shape.front() == count && count == r.out();
  if (result.of_outputs || count == r.in()) return std::optional(std::move(result));
  return error(ErrorCode::invalid_argument,
               "{}: tensor 'dora_scale' of shape {} does not fit the model's weight of {}", r.where,
               to_string(shape), to_string(r.shape));
}

// weight += strength * (magnitude * v / |v| - weight), v = weight + change.
Status decompose(const Magnitudes& magnitudes, std::span<const float> change, float strength,
                 std::span<float> weight) {
  ASSIGN_OR_RETURN(const std::vector<float> magnitude, values_of(magnitudes.tensor));
  std::vector<double> squares(magnitude.size());
  const auto count = static_cast<int64_t>(weight.size());
  for (int64_t i = 0; i < count; ++i) {
    const double v = weight[i] + change[i];
    squares[magnitudes.channel(i)] += v * v;
  }
  for (int64_t i = 0; i < count; ++i) {
    const int64_t channel = magnitudes.channel(i);
    const auto norm = static_cast<float>(std::sqrt(squares[channel]));
    const float v = weight[i] + change[i];
    const float turned = norm > 0 ? magnitude[channel] * v / norm : 0;
    weight[i] += strength * (turned - weight[i]);
  }
  return {};
}

}  // namespace

Result<std::vector<float>> values_of(const StoredTensor& tensor) {
  std::vector<float> values(static_cast<size_t>(element_count(tensor.shape)));
  if (!tensor.compute) {
    widen_to_f32(tensor.dtype, tensor.bytes, values);
    return values;
  }
  ASSIGN_OR_RETURN(const Tensor made, tensor.compute());
  widen_to_f32(made.dtype, made.data, values);
  return values;
}

Result<WeightChange> weight_change(const AdapterLayer& layer, double strength, const Shape& shape,
                                   const std::string& where) {
  CHECK(!shape.empty(), "{}: an adapter of a scalar", where);
  const Reader reader{layer, shape, where};
  ASSIGN_OR_RETURN(const Delta delta, read_delta(reader));
  TRY(check_fits(reader, delta.factor));
  ASSIGN_OR_RETURN(const double scale, scale_of(reader, delta.rank));
  ASSIGN_OR_RETURN(const std::optional<Magnitudes> magnitudes, read_magnitudes(reader));
  return WeightChange([delta, scale, magnitudes, strength](std::span<float> weight) -> Status {
    ASSIGN_OR_RETURN(Matrix change, delta.factor.make());
    const auto factor = static_cast<float>(magnitudes ? scale : scale * strength);
    for (float& value : change.values) value *= factor;
    if (magnitudes)
      return decompose(*magnitudes, change.values, static_cast<float>(strength), weight);
    for (size_t i = 0; i < weight.size(); ++i) weight[i] += change.values[i];
    return {};
  });
}

}  // namespace tempera::frontend
