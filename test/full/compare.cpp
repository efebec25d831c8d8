// Prints the largest |got - want| of two tensors; exits with 1 if it is over the bound.
// Usage: compare GOT.safetensors NAME WANT.safetensors NAME BOUND
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tensor_file/convert.h"
#include "tensor_file/safetensors.h"

namespace tempera {
namespace {

Result<Tensor> load(const std::string& path, const std::string& name) {
  ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::open(path));
  const TensorInfo* info = file.find(name);
  if (info == nullptr) return error(ErrorCode::not_found, "{}: no tensor {}", path, name);
  const Tensor stored = file.load(*info);
  Tensor widened(DType::f32, stored.shape);
  widen_to_f32(stored.dtype, stored.data, widened.as<float>());
  return widened;
}

Result<double> largest_difference(const Tensor& got, const Tensor& want) {
  if (got.shape != want.shape)
    return error(ErrorCode::data_loss, "got {}, want {}", to_string(got.shape),
                 to_string(want.shape));
  double worst = 0;
  for (int64_t i = 0; i < want.size(); ++i) {
    const double difference =
        std::abs(static_cast<double>(got.as<float>()[i]) - want.as<float>()[i]);
    if (!(difference <= worst)) worst = difference;
    if (std::isnan(difference)) break;
  }
  return worst;
}

// True: within the bound.
Result<bool> run(char** arguments) {
  ASSIGN_OR_RETURN(const Tensor got, load(arguments[1], arguments[2]));
  ASSIGN_OR_RETURN(const Tensor want, load(arguments[3], arguments[4]));
  ASSIGN_OR_RETURN(const double worst, largest_difference(got, want));
  const double bound = std::atof(arguments[5]);
  const bool is_within = worst <= bound;
  fmt::print("{:4}  {:28} max |got - want| {:9.2e}, bound {:.0e}\n", is_within ? "ok" : "FAIL",
             arguments[4], worst, bound);
  return is_within;
}

}  // namespace
}  // namespace tempera

int main(int argc, char** argv) {
  if (argc != 6) {
    fmt::print(stderr, "usage: compare GOT.safetensors NAME WANT.safetensors NAME BOUND\n");
    return 2;
  }
  const tempera::Result<bool> result = tempera::run(argv);
  if (!result.ok()) {
    fmt::print(stderr, "compare: {}: {}\n", argv[4], result.error().message);
    return 1;
  }
  return *result ? 0 : 1;
}
