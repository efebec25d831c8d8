// Settings of --precision and --weights against the reference implementations in f32. Errors add up
// from layer to layer here; tempera accuracy judges each layer alone.
#include <gtest/gtest.h>

#include <cmath>

#include "test/reference/golden.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

const std::string kTiny = data_path("tiny/sd15");

// Root of the mean square of the difference over that of `want`.
double relative_error(const Tensor& got, const Tensor& want) {
  const auto got_values = got.as<float>(), want_values = want.as<float>();
  double difference = 0, size = 0;
  for (size_t i = 0; i < want_values.size(); ++i) {
    difference += std::pow(double{got_values[i]} - want_values[i], 2);
    size += std::pow(double{want_values[i]}, 2);
  }
  return std::sqrt(difference / size);
}

Tensors run(const std::string& target, const Tensors& inputs, std::vector<std::string> flags) {
  const TempFolder folder;
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : inputs) views.push_back(view(name, tensor));
  EXPECT_TRUE(write_safetensors(folder.path("in.safetensors"), views).ok());
  flags.insert(flags.begin(), {"run", target, "--inputs", folder.path("in.safetensors"),
                               "--outputs", folder.path("out.safetensors")});
  expect_program(flags);
  return load_tensors(folder.path("out.safetensors"));
}

struct Setting {
  std::vector<std::string> flags;
  double layer_bound, output_bound;
};

// Of random weights, whose sums cancel more than trained ones do.
const Setting kSettings[] = {
    {{"--precision", "bf16"}, 0.03, 0.02},
    {{"--precision", "f16"}, 0.004, 0.002},
    {{"--weights", "int8"}, 0.03, 0.02},
    {{"--precision", "bf16", "--weights", "int8"}, 0.04, 0.025},
};

void expect_precision(const std::string& component, const Tensors& inputs, const Tensors& want,
                      const std::string& output, const Tensor& want_output,
                      const Setting& setting) {
  auto flags = setting.flags;
  const Tensors plain = run(kTiny + ":" + component, inputs, flags);
  const std::string what = component + " " + flags.back();
  EXPECT_EQ(plain.at(output).dtype, DType::f32) << what;
  EXPECT_LE(relative_error(plain.at(output), want_output), setting.output_bound) << what;
  EXPECT_GT(relative_error(plain.at(output), want_output), 1e-5) << what << " changed nothing";
  flags.insert(flags.end(), {"--keep", "*"});
  const Tensors kept = run(kTiny + ":" + component, inputs, flags);
  for (const auto& [name, tensor] : want) {
    if (name.starts_with("input.") || name.starts_with("output")) continue;
    ASSERT_TRUE(kept.contains(name)) << name;
    EXPECT_EQ(kept.at(name).dtype, DType::f32) << what << " " << name;
    EXPECT_LE(relative_error(kept.at(name), tensor), setting.layer_bound) << what << " " << name;
  }
}

TEST(Precision, OfTheUnetStaysClose) {
  const Tensors want = load_layers("sd15.unet.1x12x20");
  const Tensors inputs = {{"sample", want.at("input.latent")},
                          {"timestep", want.at("input.timestep")},
                          {"encoder_hidden_states", want.at("input.context")}};
  for (const Setting& setting : kSettings)
    expect_precision("unet", inputs, want, "sample", want.at("output"), setting);
}

TEST(Precision, OfTheDecoderStaysClose) {
  const Tensors want = load_layers("sd15.vae_decode");
  for (const Setting& setting : kSettings)
    expect_precision("vae_decoder", {{"latent", want.at("input.latent")}}, want, "image",
                     want.at("output"), setting);
}

TEST(Precision, IsRecordedInAnArtifactWhichRefusesAnother) {
  const TempFolder folder;
  const std::string artifact = folder.path("artifact");
  expect_program({"compile", kTiny, "-o", artifact, "--component", "vae_decoder", "--precision",
                  "bf16", "--weights", "int8", "--size", "64x64"});
  const std::string told = expect_program({"inspect", artifact});
  EXPECT_NE(told.find("vae_decoder    64x64, batch 1, precision bf16, weights int8"),
            std::string::npos)
      << told;
  const Tensor latent(DType::f32, {1, 4, 8, 8});
  for (const char* same : {"bf16", "auto"})
    run(artifact + ":vae_decoder", {{"latent", latent}}, {"--precision", same});
  ASSERT_TRUE(write_safetensors(folder.path("in"), {{view("latent", latent)}}).ok());
  const auto refused = run_program(
      {"run", artifact + ":vae_decoder", "--inputs", folder.path("in"), "--precision", "f32"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("compiled with --precision bf16, not f32; leave --precision out, or "
                             "compile the model again with it"),
            std::string::npos)
      << refused.err;
}

}  // namespace
}  // namespace tempera::test
