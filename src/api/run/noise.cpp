#include "api/run/noise.h"

#include <charconv>

#include "base/text.h"
#include "diffusion/noise/normal_generator.h"

namespace tempera::api {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 31;

Error bad_shape(std::string_view text) {
  return error(ErrorCode::invalid_argument,
               "{} is no shape; give sizes between 'x', as in 1x4x64x64", quote(text));
}

Result<Shape> parse_shape(std::string_view text) {
  Shape shape;
  int64_t count = 1;
  const char *at = text.data(), *end = at + text.size();
  while (true) {
    int64_t size = 0;
    const auto [next, failure] = std::from_chars(at, end, size);
    if (failure != std::errc() || size < 1 || (next != end && *next != 'x')) return bad_shape(text);
    if (size > kMaxElements / count)
      return error(ErrorCode::invalid_argument, "the shape {} has more than 2^31 elements",
                   quote(text));
    count *= size;
    shape.push_back(size);
    if (next == end) return shape;
    at = next + 1;
  }
}

}  // namespace

Status set_rng(std::string_view name, GenerateSettings& settings) {
  ASSIGN_OR_RETURN(settings.noise.rng, diffusion::parse_rng(name));
  return {};
}

Status set_seed_mode(std::string_view name, GenerateSettings& settings) {
  ASSIGN_OR_RETURN(settings.noise.seed_mode, diffusion::parse_seed_mode(name));
  return {};
}

Status set_compat(std::string_view name, GenerateSettings& settings) {
  ASSIGN_OR_RETURN(settings.compat, diffusion::parse_compat(name));
  return {};
}

Result<Tensor> unit_noise(std::string_view rng, uint64_t seed, std::string_view shape) {
  ASSIGN_OR_RETURN(const diffusion::Rng kind, diffusion::parse_rng(rng));
  ASSIGN_OR_RETURN(const Shape parsed, parse_shape(shape));
  Tensor noise(DType::f32, parsed);
  diffusion::NormalGenerator(kind, seed).normal(noise.as<float>());
  return noise;
}

}  // namespace tempera::api
