#include "api/run/random_inputs.h"

#include <random>

namespace tempera::api {
namespace {

constexpr int64_t kDefaultTokens = 77, kDefaultLatent = 64;  // where no config tells
constexpr float kTimestep = 500;

using Random = std::mt19937;

Tensor noise(Random& random, Shape shape) {
  Tensor tensor(DType::f32, std::move(shape));
  std::normal_distribution<float> normal;
  for (float& x : tensor.as<float>()) x = normal(random);
  return tensor;
}

Tensor pixels(Random& random, Shape shape) {
  Tensor tensor(DType::f32, std::move(shape));
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float& x : tensor.as<float>()) x = uniform(random);
  return tensor;
}

Tensor ids(Random& random, const Shape& shape, int64_t vocabulary) {
  Tensor tensor(DType::i32, shape);
  std::uniform_int_distribution<int32_t> uniform(0, static_cast<int32_t>(vocabulary) - 1);
  for (int32_t& id : tensor.as<int32_t>()) id = uniform(random);
  return tensor;
}

int64_t side(int64_t asked, const std::optional<int64_t>& chosen, int64_t latent, int64_t scale) {
  if (asked > 0) return asked;
  return chosen.value_or((latent > 0 ? latent : kDefaultLatent) * scale);
}

}  // namespace

Result<NamedValues> random_inputs(const ModelInfo& info, std::string_view component,
                                  const InputExtents& extents) {
  const int64_t scale = info.vae_scale;
  const int64_t width = side(extents.width, info.defaults.width, info.sample_width, scale);
  const int64_t height = side(extents.height, info.defaults.height, info.sample_height, scale);
  if (width % scale != 0 || height % scale != 0)
    return error(ErrorCode::invalid_argument, "the size {}x{} is not a multiple of {}", width,
                 height, scale);
  const bool is_guided = component == "unet" || component == "text_encoder";
  const int64_t batch = extents.batch > 0 ? extents.batch : is_guided ? 2 : 1;
  const int64_t tokens = info.text_tokens > 0 ? info.text_tokens : kDefaultTokens;
  const int64_t h = height / scale, w = width / scale;
  Random random(1);
  NamedValues inputs;
  if (component == "text_encoder")
    inputs.emplace_back("input_ids", ids(random, {batch, tokens}, info.vocabulary));
  if (component == "unet") {
    // A guided step's halves see one sample.
    const int64_t samples = extents.batch > 0 ? batch : 1;
    inputs.emplace_back("sample", noise(random, {samples, info.unet_channels, h, w}));
    inputs.emplace_back("timestep", Tensor::of<float>(DType::f32, {1}, {kTimestep}));
    inputs.emplace_back("encoder_hidden_states",
                        noise(random, {batch, tokens, info.context_width}));
  }
  if (component == "vae_decoder")
    inputs.emplace_back("latent", noise(random, {batch, info.latent_channels, h, w}));
  if (component == "vae_encoder")
    inputs.emplace_back("image", pixels(random, {batch, 3, height, width}));
  return inputs;
}

}  // namespace tempera::api
