#include "frontend/models/taesd.h"

#include <gtest/gtest.h>

#include <charconv>

#include "frontend/checkpoint/taesd_weights.h"
#include "graph/evaluate.h"
#include "tensor_file/convert.h"
#include "tensor_file/safetensors.h"
#include "tensor_file/tensor_file.h"
#include "test/reference/golden.h"
#include "test/temp_folder.h"

namespace tempera::frontend {
namespace {

// diffusers' AutoencoderTiny of width 4 with random weights: its decoder, a latent, and every
// seventh value of the picture that it makes of it.
const std::string kTiny = test::data_path("taesd/tiny.safetensors");

Tensor as_f32(const Tensor& tensor) {
  Tensor result(DType::f32, tensor.shape);
  widen_to_f32(tensor.dtype, tensor.data, result.as<float>());
  return result;
}

TEST(Taesd, DecodesAsAutoencoderTinyDoes) {
  const TensorFile file = *TensorFile::open(kTiny);
  Tensor latent = as_f32(*load(*file.find("test.latent")));
  const Tensor want = *load(*file.find("test.image"));
  const auto weights = open_taesd_weights(kTiny);
  ASSERT_TRUE(weights.ok()) << weights.error().message;
  // The input is divided by the scaling factor, as a VAE's is.
  for (float& value : latent.as<float>()) value *= 4;
  const auto built = build_taesd_decoder(**weights, 4, 0.25, {.height = 3, .width = 5});
  ASSERT_TRUE(built.ok()) << built.error().message;
  std::vector<Tensor> values;
  for (const graph::ValueId id : built->graph.inputs()) {
    const std::string& name = built->graph.value(id).name;
    values.push_back(name == "latent" ? latent : *load(*(*weights)->find(name)));
  }
  const Tensor image = graph::evaluate(built->graph, values)[0];
  ASSERT_EQ(image.shape, (Shape{1, 3, 24, 40}));
  for (int64_t i = 0; i < want.size(); ++i)
    ASSERT_NEAR(image.as<float>()[7 * i], want.as<float>()[i], 2e-5) << i;
}

// The original numbers layers from its clamp on.
std::string original_name(std::string_view name) {
  int layer = 0;
  name.remove_prefix(std::string_view("taesd.layers.").size());
  const auto [stop, ignored] = std::from_chars(name.data(), name.data() + name.size(), layer);
  return std::to_string(layer + 1) + std::string(stop, name.data() + name.size());
}

TEST(Taesd, ReadsTheOriginalsNames) {
  const auto weights = *open_taesd_weights(kTiny);
  const test::TempFolder folder;
  std::vector<Tensor> tensors;
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : weights->tensors()) tensors.push_back(*load(tensor));
  for (size_t i = 0; i < tensors.size(); ++i)
    views.push_back(view(original_name(weights->tensors()[i].first), tensors[i]));
  const std::string path = folder.path("taesd_decoder.safetensors");
  ASSERT_TRUE(write_safetensors(path, views).ok());
  const auto original = open_taesd_weights(path);
  ASSERT_TRUE(original.ok()) << original.error().message;
  EXPECT_EQ((*original)->tensors().size(), weights->tensors().size());
  for (const auto& [name, tensor] : weights->tensors())
    EXPECT_NE((*original)->find(name), nullptr) << name;
}

TEST(Taesd, RefusesOtherFiles) {
  const auto vae =
      open_taesd_weights(test::data_path("tiny/sd15/vae/diffusion_pytorch_model.fp16.safetensors"));
  ASSERT_FALSE(vae.ok());
  EXPECT_EQ(vae.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace tempera::frontend
