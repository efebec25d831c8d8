#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/json.h"
#include "diffusion/image/png.h"
#include "diffusion/image/read_image.h"
#include "tensor_file/safetensors.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

const std::string kTiny = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15";

std::vector<std::string> tiny_picture(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"generate", "a cat", "-m",      kTiny, "--width", "64",
                                        "--height", "64",    "--steps", "2",   "-q"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::vector<std::byte> latents_of(const std::string& file) {
  const auto opened = SafetensorsFile::open(file);
  EXPECT_TRUE(opened.ok());
  const auto bytes = opened->bytes(*opened->find("latents"));
  return {bytes.begin(), bytes.end()};
}

TEST(Generate, NamesThePictureOfTheBundledModel) {
  const TempFolder folder;
  const std::string file = folder.path("heart.png");
  EXPECT_EQ(
      expect_program({"generate", "a red heart", "--steps", "2", "--seed", "1", "-q", "-o", file}),
      "wrote " + file + "\n");
  const auto picture = diffusion::read_png(file);
  ASSERT_TRUE(picture.ok()) << picture.error().message;
  EXPECT_EQ(picture->image.width, 128) << "as its tempera.json says";
}

TEST(Generate, PutsTheSettingsIntoThePicture) {
  const TempFolder folder;
  const std::string file = folder.path("x.png");
  expect_program(tiny_picture({"--seed", "5", "-n", "dull", "-o", file}));
  const auto picture = diffusion::read_png(file);
  ASSERT_TRUE(picture.ok()) << picture.error().message;
  ASSERT_EQ(picture->text.size(), 2u);
  EXPECT_EQ(picture->text[0].first, "parameters");
  EXPECT_EQ(picture->text[0].second.substr(0, 135),
            "a cat\nNegative prompt: dull\nSteps: 2, Sampler: DPM++ 2M Karras, CFG scale: 7.5, "
            "Seed: 5, Size: 64x64, Model: sd15, RNG: CPU, Version: t");
}

std::vector<uint8_t> pixels_of(const std::string& file) {
  const auto picture = diffusion::read_image(file);
  EXPECT_TRUE(picture.ok()) << file;
  return picture.ok() ? picture->image.pixels : std::vector<uint8_t>();
}

TEST(Generate, LikeMakesAPictureAgain) {
  const TempFolder folder;
  expect_program(
      tiny_picture({"--seed", "5,9", "-n", "dull", "--sampler", "euler_a", "--guidance-scale", "3",
                    "--deep-cache", "2", "-o", folder.path("{seed}.png")}));
  expect_program(
      {"generate", "--like", folder.path("9.png"), "-q", "-o", folder.path("again.png")});
  EXPECT_EQ(pixels_of(folder.path("again.png")), pixels_of(folder.path("9.png")));
  expect_program({"generate", "a dog", "--like", folder.path("9.png"), "--seed", "5", "-q", "-o",
                  folder.path("other.webp"), "--quality", "100"});
  EXPECT_NE(pixels_of(folder.path("other.webp")), pixels_of(folder.path("5.png")));
  expect_program(
      {"generate", "--like", folder.path("other.webp"), "-q", "-o", folder.path("other.png")});
  EXPECT_EQ(pixels_of(folder.path("other.webp")), pixels_of(folder.path("other.png")));
}

TEST(Generate, WritesTheFormatOfTheName) {
  const TempFolder folder;
  for (const std::string name : {"x.jpg", "x.webp"}) {
    const std::string file = folder.path(name);
    expect_program(tiny_picture({"--seed", "5", "-o", file}));
    const auto json = parse_json(expect_program({"inspect", file, "--json"}), "inspect");
    ASSERT_TRUE(json.ok());
    EXPECT_EQ((*json)["format"], name == "x.jpg" ? "jpeg" : "webp");
    EXPECT_EQ((*json)["prompt"], "a cat");
    EXPECT_EQ((*json)["fields"]["Seed"], "5");
    EXPECT_EQ((*json)["tempera"]["settings"]["steps"], 2);
  }
}

TEST(Generate, APictureDoesNotDependOnItsBatchOrThreads) {
  const TempFolder folder;
  const std::string both = folder.path("both.safetensors"), one = folder.path("one.safetensors");
  expect_program(tiny_picture({"--seed", "5,9", "--threads", "2", "--save-latents", both, "-o",
                               folder.path("{seed}.png")}));
  expect_program(tiny_picture(
      {"--seed", "9", "--threads", "1", "--save-latents", one, "-o", folder.path("one.png")}));
  const auto two = latents_of(both), nine = latents_of(one);
  ASSERT_EQ(two.size(), 2 * nine.size());
  EXPECT_TRUE(std::equal(nine.begin(), nine.end(), two.begin() + static_cast<long>(nine.size())));
  EXPECT_TRUE(std::filesystem::exists(folder.path("5.png")));
  EXPECT_EQ(pixels_of(folder.path("9.png")), pixels_of(folder.path("one.png")));
}

TEST(Generate, SavesStepsAndStartsFromLatents) {
  const TempFolder folder;
  const std::string saved = folder.path("steps.safetensors");
  expect_program(tiny_picture(
      {"--seed", "1", "--save-latents", saved, "--save-steps", "-o", folder.path("a.png")}));
  const auto file = SafetensorsFile::open(saved);
  ASSERT_TRUE(file.ok());
  ASSERT_NE(file->find("latents.1"), nullptr);
  EXPECT_EQ(file->find("latents.1")->shape, (Shape{1, 4, 8, 8}));
  expect_program(
      tiny_picture({"--seed", "1", "--initial-latents", saved, "-o", folder.path("b.png")}));
}

std::vector<std::byte> saved_latents(const std::string& model,
                                     const std::vector<std::string>& more) {
  const TempFolder folder;
  std::vector<std::string> arguments = {"generate",
                                        "a cat",
                                        "-m",
                                        model,
                                        "--width",
                                        "64",
                                        "--height",
                                        "64",
                                        "-q",
                                        "--seed",
                                        "3",
                                        "--save-latents",
                                        folder.path("latents.safetensors"),
                                        "-o",
                                        folder.path("x.png")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  expect_program(arguments);
  return latents_of(folder.path("latents.safetensors"));
}

TEST(Generate, SavingsAtTheirLeastAreTheWholeWork) {
  const std::vector<std::byte> whole = saved_latents(kTiny, {"--steps", "3"});
  EXPECT_EQ(saved_latents(kTiny, {"--steps", "3", "--deep-cache", "1", "--guidance-from", "0",
                                  "--guidance-to", "1", "--token-merging-ratio", "0"}),
            whole);
  EXPECT_EQ(saved_latents(kTiny, {"--steps", "1", "--deep-cache", "3"}),
            saved_latents(kTiny, {"--steps", "1"}))
      << "the first step is a whole one";
  EXPECT_NE(saved_latents(kTiny, {"--steps", "3", "--deep-cache", "2"}), whole);
  EXPECT_NE(saved_latents(kTiny, {"--steps", "3", "--guidance-to", "0.5"}), whole);
}

TEST(Generate, AnArtifactHoldsThePlansOfSavings) {
  const TempFolder folder;
  const std::string artifact = folder.path("artifact");
  expect_program({"compile", kTiny, "-o", artifact, "--size", "64x64", "-q", "--deep-cache", "2",
                  "--token-merging-ratio", "0.5"});
  const std::vector<std::string> saving = {
      "--steps",         "4",   "--deep-cache", "3", "--token-merging-ratio", "0.5",
      "--guidance-from", "0.25"};
  EXPECT_EQ(saved_latents(artifact, saving), saved_latents(kTiny, saving));
  EXPECT_EQ(saved_latents(artifact, {"--steps", "2"}), saved_latents(kTiny, {"--steps", "2"}));
  const ProgramResult other =
      run_program({"generate", "a cat", "-m", artifact, "--token-merging-ratio", "0.25"});
  EXPECT_EQ(other.exit_code, 4);
  EXPECT_NE(other.err.find("64x64 batch 2 (repeat 2, token_merging 0.5 max_downsample 1)"),
            std::string::npos)
      << other.err;
}

TEST(Generate, PutsSavingsIntoThePicture) {
  const TempFolder folder;
  const std::string file = folder.path("x.png");
  expect_program(tiny_picture({"--seed", "5", "--deep-cache", "2", "--guidance-to", "0.5",
                               "--token-merging-ratio", "0.5", "-o", file}));
  const auto picture = diffusion::read_png(file);
  ASSERT_TRUE(picture.ok()) << picture.error().message;
  EXPECT_NE(
      picture->text.at(0).second.find(
          "Token merging ratio: 0.5, DeepCache interval: 2, Guidance to: 0.5, RNG: CPU, Version"),
      std::string::npos)
      << picture->text[0].second;
}

TEST(Generate, AnArtifactGivesTheSamePicture) {
  const TempFolder folder;
  const std::string artifact = folder.path("artifact");
  expect_program({"compile", kTiny, "-o", artifact, "--size", "64x64", "-q"});
  const std::string from_model = folder.path("a.safetensors"),
                    from_artifact = folder.path("b.safetensors");
  expect_program(
      tiny_picture({"--seed", "3", "--save-latents", from_model, "-o", folder.path("a.png")}));
  expect_program({"generate", "a cat", "-m", artifact, "--width", "64", "--height", "64", "--steps",
                  "2", "-q", "--seed", "3", "--save-latents", from_artifact, "-o",
                  folder.path("b.png")});
  EXPECT_EQ(latents_of(from_model), latents_of(from_artifact));
}

TEST(Generate, AnArtifactHoldsTheDecoderItWasCompiledWith) {
  const TempFolder folder;
  const std::string taesd = std::string(TEMPERA_SOURCE_DIR) + "/test/data/taesd/tiny.safetensors";
  const std::string artifact = folder.path("artifact");
  expect_program({"compile", kTiny, "-o", artifact, "--size", "64x64", "-q", "--taesd", taesd});
  expect_program(tiny_picture({"--seed", "3", "--taesd", taesd, "-o", folder.path("model.png")}));
  expect_program({"generate", "a cat", "-m", artifact, "--width", "64", "--height", "64", "--steps",
                  "2", "-q", "--seed", "3", "-o", folder.path("artifact.png")});
  EXPECT_EQ(pixels_of(folder.path("artifact.png")), pixels_of(folder.path("model.png")));
  const auto refused = run_program({"generate", "a cat", "-m", artifact, "--taesd", taesd});
  EXPECT_EQ(refused.err, "tempera: " + artifact +
                             " is an artifact: which decoder it has is said when it is compiled; "
                             "compile it again with --taesd " +
                             taesd + "\n");
}

TEST(Generate, PreviewsOfTheBundledModelHaveItsColours) {
  const TempFolder folder;
  expect_program({"generate", "a red heart", "--steps", "6", "--seed", "1000", "-q",
                  "--preview-every", "6", "-o", folder.path("x.png")});
  const auto picture = pixels_of(folder.path("x.png"));
  const auto preview = pixels_of(folder.path("x-preview.png"));
  ASSERT_EQ(preview.size(), picture.size());
  double squares = 0;
  for (size_t i = 0; i < picture.size(); ++i)
    squares += std::pow((static_cast<double>(preview[i]) - picture[i]) / 255, 2);
  EXPECT_LT(std::sqrt(squares / static_cast<double>(picture.size())), 0.25);
}

TEST(Generate, ADryRunReadsNoWeights) {
  const TempFolder folder;
  const auto json = parse_json(
      expect_program(tiny_picture({"--dry-run", "--json", "-o", folder.path("x.png")})), "dry run");
  ASSERT_TRUE(json.ok());
  ASSERT_EQ((*json)["components"].size(), 3u);
  for (const Json& part : (*json)["components"])
    EXPECT_LE(part["arena"].get<double>(), 1.1 * part["live"].get<double>()) << part.dump();
  EXPECT_FALSE(std::filesystem::exists(folder.path("x.png")));
}

int64_t peak_of(const std::vector<std::string>& arguments) {
  const auto json = parse_json(expect_program(arguments), arguments[0]);
  return json.ok() ? (*json)["peak_bytes"].get<int64_t>() : 0;
}

TEST(Generate, ADryRunPredictsThePeakWithinTenPerCent) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer keeps freed memory";
#endif
  const TempFolder folder;
  std::vector<std::string> picture = {"generate", "a cat",  "--width", "256",
                                      "--height", "256",    "--steps", "1",
                                      "-q",       "--json", "-o",      folder.path("x.png")};
  std::vector<std::string> dry = picture;
  dry.push_back("--dry-run");
  const auto cold = static_cast<double>(peak_of(dry)), warm = static_cast<double>(peak_of(dry));
  const auto measured = static_cast<double>(peak_of(picture));
  EXPECT_NEAR(cold, measured, 0.1 * measured) << "by the process that compiled";
  EXPECT_NEAR(warm, measured, 0.1 * measured);
}

TEST(Generate, PrintsItsResultAsJson) {
  const TempFolder folder;
  const auto json = parse_json(
      expect_program(tiny_picture({"--seed", "4", "--json", "-o", folder.path("x.png")})),
      "result");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["pictures"][0]["seed"], 4);
  EXPECT_EQ((*json)["pictures"][0]["file"], folder.path("x.png"));
}

TEST(Run, PrintsTimes) {
  const TempFolder folder;
  const std::string inputs = folder.path("in.safetensors"),
                    outputs = folder.path("out.safetensors");
  const Tensor latent(DType::f32, {1, 4, 3, 5});
  ASSERT_TRUE(write_safetensors(inputs, {view("latent", latent)}).ok());
  const std::string text =
      expect_program({"run", kTiny + ":vae_decoder", "--inputs", inputs, "--outputs", outputs,
                      "--repeat", "3", "--print-time", "-q"});
  EXPECT_TRUE(text.starts_with("3 runs, in seconds: mean ")) << text;
  const auto file = SafetensorsFile::open(outputs);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->find("image")->shape, (Shape{1, 3, 24, 40}));
}

}  // namespace
}  // namespace tempera::test
