#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "tensor_file/safetensors.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

namespace fs = std::filesystem;

const std::string kTiny = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15";
const std::string kBroken = std::string(TEMPERA_SOURCE_DIR) + "/test/data/broken";

// The program says exactly this, ends with this code, and prints no result.
void expect_error(const std::vector<std::string>& arguments, int exit_code,
                  const std::string& message) {
  const ProgramResult result = run_program(arguments);
  EXPECT_EQ(result.err, "tempera: " + message + "\n");
  EXPECT_EQ(result.exit_code, exit_code) << message;
  EXPECT_EQ(result.out, "");
}

TEST(UserError, UnknownFlag) {
  expect_error({"generate", "x", "--stpes", "3"}, 2,
               "unknown flag '--stpes'; did you mean '--steps'?");
}

TEST(UserError, UnknownSubcommand) {
  expect_error({"generat", "x"}, 2, "unknown subcommand 'generat'; did you mean 'generate'?");
}

TEST(UserError, PromptWithoutQuotes) {
  expect_error({"generate", "a", "red", "heart"}, 2,
               "unexpected argument 'red'; put a text with spaces in quotes");
}

TEST(UserError, NoPrompt) {
  expect_error({"generate"}, 2,
               "no prompt; say what to see, as in tempera generate \"a red heart\"");
}

TEST(UserError, EmptyPromptFile) {
  const TempFolder folder;
  const std::string file = folder.write("prompt.txt", " \n");
  expect_error({"generate", "--prompt-file", file}, 2, file + ": the prompt file is empty");
}

TEST(UserError, SizeThatIsNoMultiple) {
  expect_error({"generate", "x", "-m", kTiny, "--width", "100", "--height", "64"}, 2,
               "the size 100x64 does not fit this model: width and height must be multiples of 8 "
               "from 8 to 16384");
}

TEST(UserError, UnknownSampler) {
  expect_error({"generate", "x", "-m", kTiny, "--sampler", "eular"}, 2,
               "unknown sampler 'eular'; the samplers are ddim, ddpm, plms, lms, euler, euler_a, "
               "heun, dpm2, "
               "dpm2_a, dpm++2m, dpm++3m, dpm++2m_sde, dpm++2s, unipc, deis, lcm, tcd; did you "
               "mean 'euler'?");
}

TEST(UserError, ScheduleThatTheSamplerDoesNotHave) {
  expect_error({"generate", "x", "-m", kTiny, "--sampler", "ddim", "--schedule", "karras"}, 3,
               "sampler ddim has no karras schedule, as diffusers' DDIMScheduler has no "
               "flag for it; pass --schedule discrete or sgm_uniform");
}

TEST(UserError, SeedsThatAreNoneOrTooMany) {
  expect_error({"generate", "x", "-m", kTiny, "--seed", "1,x"}, 2,
               "the seed 'x' is not a whole number from 0 to 18446744073709551615");
  EXPECT_EQ(
      run_program({"generate", "x", "-m", kTiny, "--seed", "1,2", "--batch-size", "3"}).exit_code,
      2);
}

TEST(UserError, PrecisionThatIsNotThere) {
  expect_error({"generate", "x", "-m", kTiny, "--precision", "fp16"}, 2,
               "unknown precision 'fp16'; it may be auto, f32, bf16, f16; did you mean 'f16'?");
  expect_error({"generate", "x", "-m", kTiny, "--precision", "bf16", "--weights", "f16"}, 2,
               "weights of f16 do not go with products of bf16; pass --weights bf16 or int8, or "
               "leave it out");
  expect_error({"compile", kTiny, "-o", "x", "--cpu", "x86-64-v3", "--precision", "auto"}, 2,
               "--precision auto measures this processor; with --cpu x86-64-v3 pass f32, bf16 or "
               "f16");
}

TEST(UserError, SavingsThatMakeNoSense) {
  expect_error({"generate", "x", "-m", kTiny, "--token-merging-ratio", "0.9"}, 2,
               "--token-merging-ratio 0.9 is not within 0 to 0.75");
  expect_error({"generate", "x", "-m", kTiny, "--token-merging-mlp"}, 2,
               "--token-merging-max-downsample, --token-merging-crossattn and "
               "--token-merging-mlp need a --token-merging-ratio above 0");
  expect_error({"generate", "x", "-m", kTiny, "--deep-cache", "0"}, 2,
               "--deep-cache 0 is not within 1 to 1000");
  expect_error({"generate", "x", "-m", kTiny, "--guidance-from", "0.8", "--guidance-to", "0.2"}, 2,
               "guidance from 0.8 to 0.2 is no part of the steps; 0 <= from < to <= 1 is needed");
  expect_error({"generate", "x", "-m", kTiny, "--guidance-to", "0.5", "--guidance-scale", "1"}, 2,
               "--guidance-from and --guidance-to need a guidance scale above 1");
  const TempFolder folder;
  expect_error({"compile", kTiny, "-o", folder.path("a"), "--token-merging-ratio", "-1"}, 2,
               "--token-merging-ratio -1 is not within 0 to 0.75");
}

TEST(UserError, ModelThatIsNotThere) {
  expect_error({"generate", "x", "-m", "/nowhere/model"}, 4,
               "/nowhere/model: no such file or folder");
}

TEST(UserError, OutputFolderThatIsNotThere) {
  expect_error({"generate", "x", "-m", kTiny, "-o", "/nowhere/x.png"}, 4,
               "cannot write /nowhere/x.png: there is no folder /nowhere");
}

TEST(UserError, OutputOfAnotherFormat) {
  expect_error({"generate", "x", "-m", kTiny, "-o", "x.gif"}, 3,
               "x.gif: pictures are written as PNG, JPEG or WebP; name it .png, .jpg or .webp");
}

TEST(UserError, ComponentThatIsNotThere) {
  const TempFolder folder;
  const std::string inputs = folder.path("in.safetensors");
  ASSERT_TRUE(write_safetensors(inputs, {}).ok());
  expect_error({"run", kTiny + ":vae", "--inputs", inputs}, 4,
               "sd15 has no component 'vae'; it has text_encoder, unet, vae_decoder, vae_encoder");
  expect_error({"run", kTiny, "--inputs", inputs}, 2,
               "'" + kTiny + "' names no component; add one, as in " + kTiny + ":unet");
}

TEST(UserError, InputThatIsMissing) {
  const TempFolder folder;
  const std::string inputs = folder.path("in.safetensors");
  ASSERT_TRUE(write_safetensors(inputs, {}).ok());
  expect_error({"run", kTiny + ":vae_decoder", "--inputs", inputs}, 4,
               "input 'latent' of vae_decoder is missing; it takes latent");
}

TEST(UserError, LayerThatIsNotThere) {
  const TempFolder folder;
  const std::string inputs = folder.path("in.safetensors");
  const Tensor latent(DType::f32, {1, 4, 2, 2});
  ASSERT_TRUE(write_safetensors(inputs, {view("latent", latent)}).ok());
  const ProgramResult result =
      run_program({"run", kTiny + ":vae_decoder", "--inputs", inputs, "--keep", "encoder.*"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_TRUE(result.err.starts_with("tempera: no layer of vae_decoder fits 'encoder.*';"))
      << result.err;
}

TEST(UserError, AccuracyOfWhatIsNotThere) {
  expect_error({"accuracy", kTiny, "--component", "vae"}, 4,
               "sd15 has no component 'vae'; it has text_encoder, unet, vae_decoder, vae_encoder");
  expect_error({"accuracy", kTiny, "--size", "64"}, 2,
               "the size '64' is not WIDTHxHEIGHT, as in 512x512");
  expect_error({"accuracy", "/nowhere/model"}, 4, "/nowhere/model: no such file or folder");
}

TEST(UserError, QualityOfSettingsThatAreNone) {
  expect_error({"quality", kTiny, "--setting", "stpes=3"}, 2,
               "the setting 'stpes=3': generate has no flag '--stpes'; did you mean '--steps'?");
  expect_error({"quality", kTiny, "--setting", "steps=1", "-o", "/nowhere/x.html"}, 4,
               "cannot write /nowhere/x.html: there is no folder /nowhere");
}

TEST(UserError, PassThatIsNotThere) {
  const ProgramResult result =
      run_program({"inspect", kTiny + ":text_encoder", "--dump-after", "fuze"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_TRUE(result.err.starts_with("tempera: 'fuze' is no pass; these are: build, simplify"))
      << result.err;
}

TEST(UserError, ProcessorThatIsNotThere) {
  EXPECT_EQ(run_program({"devices", "--cpu", "pentium9"}).exit_code, 2);
}

TEST(UserError, ProcessorsThatAreOneOrNone) {
  const TempFolder folder;
  const std::string artifact = folder.path("artifact");
  expect_error({"compile", kTiny, "-o", artifact, "--cpu", "x86-64-v3,x86-64-v3"}, 2,
               "--cpu 'x86-64-v3,x86-64-v3' names x86-64-v3 twice");
  EXPECT_EQ(run_program({"compile", kTiny, "-o", artifact, "--cpu", "x86-64-v3,"}).exit_code, 2);
}

TEST(UserError, ArtifactForAnotherProcessor) {
  const TempFolder folder;
  const std::string artifact = folder.path("artifact");
  expect_program({"compile", kTiny, "-o", artifact, "--component", "text_encoder", "--cpu",
                  "aarch64:cortex-a76", "-q"});
  const ProgramResult result = run_program({"generate", "x", "-m", artifact});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.err.find("compiled for 'aarch64' and cannot run on this x86_64"),
            std::string::npos)
      << result.err;
}

TEST(UserError, ArtifactOverAFolderWithSomethingElse) {
  const TempFolder folder;
  folder.write("mine.txt", "x");
  EXPECT_EQ(
      run_program({"compile", kTiny, "-o", folder.path(), "--component", "text_encoder"}).exit_code,
      2);
  EXPECT_TRUE(fs::exists(folder.path("mine.txt")));
}

TEST(UserError, EveryBrokenFileIsRefusedInOneSentence) {
  for (const auto& file : fs::directory_iterator(kBroken)) {
    const std::string name = file.path().filename().string();
    if (file.path().extension() != ".safetensors") continue;
    const ProgramResult result = run_program({"inspect", file.path().string()});
    if (name.starts_with("ok")) {
      EXPECT_EQ(result.exit_code, 0) << name << ": " << result.err;
      continue;
    }
    EXPECT_TRUE(result.exit_code >= 3 && result.exit_code <= 6) << name << ": " << result.exit_code;
    EXPECT_NE(result.err.find(name), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

TEST(UserError, FullDisk) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const TempFolder folder;
  const std::string inputs = folder.path("in.safetensors");
  const Tensor ids = Tensor::of<int32_t>(DType::i32, {1, 2}, {998, 999});
  ASSERT_TRUE(write_safetensors(inputs, {view("input_ids", ids)}).ok());
  const ProgramResult result = run_program(
      {"run", kTiny + ":text_encoder", "--inputs", inputs, "--outputs", "/dev/full", "-q"});
  EXPECT_EQ(result.exit_code, 6) << result.err;
  EXPECT_EQ(result.err, "tempera: cannot write /dev/full: no space left on device\n");
}

}  // namespace
}  // namespace tempera::test
