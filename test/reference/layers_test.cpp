// Every layer of the tiny models, compiled and run by the program, against the reference
// implementations.
#include <gtest/gtest.h>

#include <filesystem>

#include "test/reference/golden.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

constexpr double kBound = 1e-4;

const std::string kSd15 = data_path("tiny/sd15"), kSd2 = data_path("tiny/sd2");

// The first `count` of the outermost dimension.
Tensor first(const Tensor& tensor, int64_t count) {
  Tensor result(tensor.dtype, tensor.shape);
  result.shape[0] = count;
  result.data.resize(element_count(result.shape) * size_in_bytes(result.dtype));
  std::copy_n(tensor.data.begin(), result.data.size(), result.data.begin());
  return result;
}

// `target` is MODEL:COMPONENT.
Tensors run(const std::string& target, const Tensors& inputs,
            const std::vector<std::string>& flags = {}) {
  const TempFolder folder;
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : inputs) views.push_back(view(name, tensor));
  EXPECT_TRUE(write_safetensors(folder.path("in.safetensors"), views).ok());
  std::vector<std::string> arguments = {"run",       target,
                                        "--inputs",  folder.path("in.safetensors"),
                                        "--outputs", folder.path("out.safetensors")};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  expect_program(arguments);
  const bool has_outputs = std::filesystem::exists(folder.path("out.safetensors"));
  return has_outputs ? load_tensors(folder.path("out.safetensors")) : Tensors{};
}

void expect_tensor(const std::string& name, const Tensors& got, const Tensor& want) {
  ASSERT_TRUE(got.contains(name)) << name << " is missing from the outputs";
  expect_close(name, got.at(name), want, kBound);
}

bool is_layer(const std::string& name) {
  return !name.starts_with("input.") && !name.starts_with("output");
}

// Kept layers and, by another run in which nothing but the output stops fusion, the output.
void expect_layers(const std::string& target, const Tensors& inputs, const Tensors& want,
                   const std::string& output, const Tensor& want_output) {
  const Tensors kept = run(target, inputs, {"--keep", "*"});
  size_t compared = 0;
  for (const auto& [name, tensor] : want) {
    if (!is_layer(name)) continue;
    expect_tensor(name, kept, tensor);
    ++compared;
  }
  EXPECT_GT(compared, 10u);
  expect_tensor(output, kept, want_output);
  expect_tensor(output, run(target, inputs), want_output);
}

Tensors unet_inputs(const Tensor& sample, const Tensor& timestep, const Tensor& context) {
  return {{"sample", sample}, {"timestep", timestep}, {"encoder_hidden_states", context}};
}

TEST(CompiledLayers, TextEncoder) {
  const Tensors want = load_layers("sd15.text_encoder");
  expect_layers(kSd15 + ":text_encoder", {{"input_ids", want.at("input.ids")}}, want,
                "last_hidden_state", want.at("output"));
}

TEST(CompiledLayers, Unet) {
  const Tensors want = load_layers("sd15.unet.1x12x20");
  expect_layers(
      kSd15 + ":unet",
      unet_inputs(want.at("input.latent"), want.at("input.timestep"), want.at("input.context")),
      want, "sample", want.at("output"));
}

TEST(CompiledLayers, VaeDecoder) {
  const Tensors want = load_layers("sd15.vae_decode");
  expect_layers(kSd15 + ":vae_decoder", {{"latent", want.at("input.latent")}}, want, "image",
                want.at("output"));
}

TEST(CompiledLayers, VaeEncoder) {
  const Tensors want = load_layers("sd15.vae_encode");
  expect_layers(kSd15 + ":vae_encoder", {{"image", want.at("input.image")}}, want, "moments",
                want.at("output.moments"));
}

TEST(CompiledLayers, KeepTakesAPatternThatCrossesDots) {
  const Tensors want = load_layers("sd15.vae_decode");
  const Tensors got = run(kSd15 + ":vae_decoder", {{"latent", want.at("input.latent")}},
                          {"--keep", "decoder.mid_block.*"});
  size_t kept = 0;
  for (const auto& [name, tensor] : got) {
    EXPECT_TRUE(name == "image" || name.starts_with("decoder.mid_block.")) << name;
    kept += name != "image";
  }
  EXPECT_GT(kept, 3u);
}

void expect_unet(const std::string& folder, const Tensors& want, const std::string& size,
                 const std::string& timestep) {
  const Tensor& sample = want.at("unet." + size + ".latent");
  const auto time = Tensor::of<float>(DType::f32, {1}, {std::stof(timestep)});
  const Tensors got =
      run(folder + ":unet", unet_inputs(sample, time, first(want.at("context"), sample.shape[0])));
  expect_tensor("sample", got, want.at("unet." + size + ".t" + timestep));
}

void expect_text_encoder(const std::string& folder, const Tensors& want) {
  const Tensors got = run(folder + ":text_encoder", {{"input_ids", want.at("ids")}});
  expect_tensor("last_hidden_state", got, want.at("context"));
}

void expect_vae(const std::string& folder, const Tensors& want) {
  expect_tensor("image", run(folder + ":vae_decoder", {{"latent", want.at("decode.8x12.latent")}}),
                want.at("decode.8x12.image"));
  expect_tensor("moments", run(folder + ":vae_encoder", {{"image", want.at("encode.64x96.image")}}),
                want.at("encode.64x96.moments"));
}

TEST(CompiledFinals, UnetOfSizesThatAreNotMultiplesOfEight) {
  const Tensors want = load_layers("sd15.final");
  expect_unet(kSd15, want, "1x9x13", "999");
  expect_unet(kSd15, want, "1x12x16", "0");
}

TEST(CompiledFinals, UnetAtFractionalTimestep) {
  expect_unet(kSd15, load_layers("sd15.final"), "1x8x8", "320.625");
}

TEST(CompiledFinals, UnetBatchOfThree) {
  expect_unet(kSd15, load_layers("sd15.final"), "3x16x24", "501");
}

TEST(CompiledFinals, TextEncoderBatchOfThree) {
  expect_text_encoder(kSd15, load_layers("sd15.final"));
}

TEST(CompiledFinals, Vae) { expect_vae(kSd15, load_layers("sd15.final")); }

TEST(CompiledFinals, Sd2TextEncoder) { expect_text_encoder(kSd2, load_layers("sd2.final")); }

TEST(CompiledFinals, Sd2Unet) {
  const Tensors want = load_layers("sd2.final");
  expect_unet(kSd2, want, "1x8x8", "501");
  expect_unet(kSd2, want, "1x12x16", "37");
}

TEST(CompiledFinals, Sd2Vae) { expect_vae(kSd2, load_layers("sd2.final")); }

TEST(CompiledFinals, AnArtifactOfOneComponent) {
  const TempFolder folder;
  const Tensors want = load_layers("sd15.final");
  expect_program(
      {"compile", kSd15, "-o", folder.path("artifact"), "--component", "unet", "--size", "128x96"});
  expect_unet(folder.path("artifact"), want, "1x12x16", "501");
}

TEST(CompiledFinals, BfloatWeightsAreWidened) {
  const TempFolder folder;
  folder.link("text_encoder/config.json", kSd15 + "/text_encoder/config.json");
  folder.link("text_encoder/model.bf16.safetensors",
              kSd15 + "/text_encoder/model.bf16.safetensors");
  folder.link("model_index.json", kSd15 + "/model_index.json");
  expect_text_encoder(folder.path(), load_layers("sd15_bf16.final"));
}

}  // namespace
}  // namespace tempera::test
