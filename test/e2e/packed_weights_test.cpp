#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "tensor_file/safetensors.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

namespace fs = std::filesystem;

// A model of its own, and an artifact that holds its weights packed.
class PackedWeights : public testing::Test {
 protected:
  void SetUp() override {
    fs::copy(std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15", model_,
             fs::copy_options::recursive);
    expect_program(
        {"compile", model_, "-o", artifact_, "--size", "64x64", "-q", "--packed-weights"});
  }

  std::vector<std::string> generate(const std::string& from, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"generate",
                                          "acat",
                                          "-m",
                                          from,
                                          "--width",
                                          "64",
                                          "--height",
                                          "64",
                                          "--steps",
                                          "2",
                                          "--seed",
                                          "3",
                                          "-q",
                                          "--save-latents",
                                          latents_,
                                          "-o",
                                          folder_.path("x.png")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  std::string latents() const { return *read_file(latents_); }
  std::string latents_of(const std::string& from, const std::vector<std::string>& more = {}) {
    expect_program(generate(from, more));
    return latents();
  }
  std::string write_lora() {
    const Tensor down = Tensor::of<float>(DType::f32, {1, 64}, std::vector<float>(64, 0.5F)),
                 up = Tensor::of<float>(DType::f32, {64, 1}, std::vector<float>(64, 0.5F));
    const std::string name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_v";
    const std::string path = folder_.path("lora.safetensors");
    EXPECT_TRUE(write_safetensors(path, {view(name + ".lora_down.weight", down),
                                         view(name + ".lora_up.weight", up)})
                    .ok());
    return path;
  }

  const TempFolder folder_;
  const std::string model_ = folder_.path("model"), artifact_ = folder_.path("artifact"),
                    latents_ = folder_.path("latents.safetensors");
};

TEST_F(PackedWeights, GiveTheSameLatentsWhenTheModelIsGone) {
  const std::string expected = latents_of(model_);
  fs::remove_all(model_);
  EXPECT_EQ(latents_of(artifact_), expected);
  fs::remove(latents_);
  std::string command = TEMPERA_RUN_PROGRAM;
  for (const std::string& argument : generate(artifact_, {})) command += " " + argument;
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(latents(), expected) << "by tempera-run";
}

TEST_F(PackedWeights, ArePackedAgainForALora) {
  const std::string lora = write_lora(), plain = latents_of(artifact_);
  const std::string merged = latents_of(model_, {"--lora", lora});
  EXPECT_NE(merged, plain);
  EXPECT_EQ(latents_of(artifact_, {"--lora", lora}), merged);
  fs::remove_all(model_);
  const ProgramResult refused = run_program(generate(artifact_, {"--lora", lora}));
  EXPECT_EQ(refused.exit_code, 4) << refused.err;
  EXPECT_NE(
      refused.err.find("a LoRA is merged before weights are packed, which this artifact holds "
                       "packed only"),
      std::string::npos)
      << refused.err;
}

TEST_F(PackedWeights, AreRefusedWhereTheyAreTornOrOfOtherPlans) {
  const std::string unet = artifact_ + "/packed/unet.safetensors";
  const auto size = fs::file_size(unet);
  fs::resize_file(unet, size - 1);
  EXPECT_EQ(run_program(generate(artifact_, {})).exit_code, 5);
  fs::copy_file(artifact_ + "/packed/text_encoder.safetensors", unet,
                fs::copy_options::overwrite_existing);
  fs::resize_file(unet, size);
  EXPECT_NE(run_program(generate(artifact_, {})).exit_code, 0);
}

TEST_F(PackedWeights, AreOfOneProcessor) {
  const ProgramResult refused = run_program({"compile", model_, "-o", folder_.path("two"), "--cpu",
                                             "x86-64-v2,x86-64-v3", "--packed-weights"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("--cpu 'x86-64-v2,x86-64-v3' names 2"), std::string::npos)
      << refused.err;
}

}  // namespace
}  // namespace tempera::test
