// Whole runs of `tempera generate` on the tiny models against diffusers' pipelines.
#include <gtest/gtest.h>

#include "base/json.h"
#include "diffusion/image/png.h"
#include "test/reference/golden.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

constexpr double kLatentBound = 2e-3;
constexpr int kPixelBound = 2;  // of 255

struct Sampler {
  const char *name, *schedule;
};

// By the names of cases.json.
const std::map<std::string, Sampler> kSamplers = {
    {"pndm", {"plms", "discrete"}},        {"ddim", {"ddim", "discrete"}},
    {"ddim_v", {"ddim", "discrete"}},      {"euler", {"euler", "discrete"}},
    {"euler_a", {"euler_a", "discrete"}},  {"euler_a_v", {"euler_a", "discrete"}},
    {"dpmpp_2m", {"dpm++2m", "discrete"}}, {"dpmpp_2m_karras", {"dpm++2m", "karras"}},
};

std::string seeds_of(const Json& seed) {
  if (!seed.is_array()) return seed.dump();
  std::string text;
  for (const Json& one : seed) text += (text.empty() ? "" : ",") + one.dump();
  return text;
}

void add_token_merging(const Json& tome, std::vector<std::string>& arguments) {
  arguments.insert(arguments.end(),
                   {"--token-merging-ratio", tome["ratio"].dump(), "--token-merging-max-downsample",
                    tome["max_downsample"].dump()});
  if (tome.contains("merge_crossattn")) arguments.emplace_back("--token-merging-crossattn");
  if (tome.contains("merge_mlp")) arguments.emplace_back("--token-merging-mlp");
}

// The picture to begin with, and what of it is repainted.
void add_init(const Json& settings, std::vector<std::string>& arguments) {
  const std::string size = settings["width"].dump() + "x" + settings["height"].dump() + ".png";
  arguments.insert(arguments.end(), {"--init-image", data_path("pipelines/init." + size),
                                     "--strength", settings["strength"].dump()});
  if (settings["case"].get<std::string>().starts_with("inpaint"))
    arguments.insert(arguments.end(),
                     {"--mask", data_path("pipelines/mask." + size), "--no-composite"});
}

std::vector<std::string> arguments_of(const Json& settings, const TempFolder& folder) {
  const Sampler sampler = kSamplers.at(settings["scheduler"]);
  std::vector<std::string> arguments = {"generate",
                                        settings["prompt"],
                                        "-m",
                                        data_path("tiny/" + settings["model"].get<std::string>()),
                                        "--sampler",
                                        sampler.name,
                                        "--schedule",
                                        sampler.schedule,
                                        "--steps",
                                        settings["num_inference_steps"].dump(),
                                        "--guidance-scale",
                                        settings["guidance_scale"].dump(),
                                        "--seed",
                                        seeds_of(settings["seed"]),
                                        "--prompt-language",
                                        "plain",
                                        "--width",
                                        settings["width"].dump(),
                                        "--height",
                                        settings["height"].dump(),
                                        "--batch-size",
                                        settings["num_images_per_prompt"].dump(),
                                        "--save-latents",
                                        folder.path("latents.safetensors"),
                                        "--save-steps",
                                        "-o",
                                        folder.path("picture-{seed}.png")};
  if (settings["negative_prompt"].is_string())
    arguments.insert(arguments.end(), {"-n", settings["negative_prompt"]});
  // diffusers counts the layers that are left out.
  if (settings.contains("clip_skip"))
    arguments.insert(arguments.end(),
                     {"--clip-skip", std::to_string(settings["clip_skip"].get<int>() + 1)});
  if (settings.contains("tome")) add_token_merging(settings["tome"], arguments);
  const bool one_stream = settings["num_images_per_prompt"] > 1 && !settings["seed"].is_array();
  if (settings.contains("strength")) add_init(settings, arguments);
  if (one_stream) arguments.insert(arguments.end(), {"--seed-mode", "stream"});
  return arguments;
}

void expect_within(const std::string& what, const Tensor& got, std::span<const float> want) {
  ASSERT_EQ(got.as<float>().size(), want.size()) << what;
  double worst = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double difference = std::abs(static_cast<double>(got.as<float>()[i]) - want[i]);
    worst = difference > worst || std::isnan(difference) ? difference : worst;
  }
  EXPECT_LE(worst, kLatentBound) << what;
}

void expect_picture(const std::string& got_path, const std::string& want_path) {
  const auto got = diffusion::read_png(got_path), want = diffusion::read_png(want_path);
  ASSERT_TRUE(got.ok() && want.ok()) << got_path << ", " << want_path;
  ASSERT_EQ(got->image.pixels.size(), want->image.pixels.size());
  int worst = 0;
  for (size_t i = 0; i < want->image.pixels.size(); ++i)
    worst = std::max(worst, std::abs(got->image.pixels[i] - want->image.pixels[i]));
  EXPECT_LE(worst, kPixelBound) << want_path;
}

uint64_t seed_of(const Json& settings, int64_t picture) {
  const Json& seed = settings["seed"];
  return seed.is_array() ? seed[picture].get<uint64_t>() : seed.get<uint64_t>() + picture;
}

void expect_steps(const Tensors& got, const Tensor& want) {
  const size_t size = want.as<float>().size() / want.shape[0];
  for (int64_t i = 0; i < want.shape[0]; ++i) {
    const std::string name = "latents." + std::to_string(i);
    ASSERT_TRUE(got.contains(name)) << name;
    expect_within(name, got.at(name), want.as<float>().subspan(i * size, size));
  }
}

// What {seed} stands for in the name of a case's picture; those of one stream share their seed.
std::string picture_of(const Json& settings, int64_t i) {
  const bool shared = settings["num_images_per_prompt"] > 1 && !settings["seed"].is_array();
  return shared ? settings["seed"].dump() + "-" + std::to_string(i)
                : std::to_string(seed_of(settings, i));
}

void expect_case(const std::string& name) {
  const Result<Json> cases = read_json_file(data_path("pipelines/cases.json"));
  const Tensors want = load_tensors(data_path("pipelines/latents.safetensors"));
  for (const Json& settings : (*cases)["cases"]) {
    if (settings["case"] != name) continue;
    const TempFolder folder;
    expect_program(arguments_of(settings, folder));
    if (testing::Test::HasFailure()) return;
    const Tensors got = load_tensors(folder.path("latents.safetensors"));
    expect_within("latents", got.at("latents"), want.at(name + "/latents").as<float>());
    if (want.contains(name + "/steps")) expect_steps(got, want.at(name + "/steps"));
    // No pictures are kept of these.
    if (settings.contains("tome") || settings.contains("strength")) return;
    for (int64_t i = 0; i < settings["num_images_per_prompt"].get<int64_t>(); ++i)
      expect_picture(folder.path("picture-" + picture_of(settings, i) + ".png"),
                     data_path("pipelines/" + name + "." + std::to_string(i) + ".png"));
    return;
  }
  FAIL() << name << " is not in cases.json";
}

TEST(Pipelines, Plms) { expect_case("txt2img.pndm"); }
TEST(Pipelines, PlmsOfTwentySteps) { expect_case("txt2img.pndm_20"); }
TEST(Pipelines, GuidanceOneRunsNoNegative) { expect_case("txt2img.guidance1"); }
TEST(Pipelines, BatchInOneStream) { expect_case("txt2img.batch2"); }
TEST(Pipelines, ASeedForEachPicture) { expect_case("txt2img.seeds2"); }
TEST(Pipelines, WidthOtherThanHeight) { expect_case("txt2img.wide"); }
TEST(Pipelines, Ddim) { expect_case("txt2img.ddim"); }
TEST(Pipelines, Euler) { expect_case("txt2img.euler"); }
TEST(Pipelines, EulerAncestral) { expect_case("txt2img.euler_a"); }
TEST(Pipelines, DpmSolver) { expect_case("txt2img.dpmpp_2m"); }
TEST(Pipelines, DpmSolverKarras) { expect_case("txt2img.dpmpp_2m_karras"); }
TEST(Pipelines, NoNegativePromptIsTheEmptyOne) { expect_case("txt2img.no_negative"); }
TEST(Pipelines, LongPromptIsCut) { expect_case("txt2img.long_prompt"); }
TEST(Pipelines, ClipSkip) { expect_case("txt2img.clip_skip1"); }
TEST(Pipelines, TokenMerging) { expect_case("tome.0.5"); }
TEST(Pipelines, TokenMergingOfEveryLayer) { expect_case("tome.0.3_all"); }
TEST(Pipelines, InitImageAtLowStrength) { expect_case("img2img.0.3"); }
TEST(Pipelines, InitImageAtHighStrength) { expect_case("img2img.0.75"); }
TEST(Pipelines, InitImageWithAllSteps) { expect_case("img2img.1.0"); }
TEST(Pipelines, InitImageOfABatchInOneStream) { expect_case("img2img.wide"); }
TEST(Pipelines, MaskWithAllSteps) { expect_case("inpaint.blend"); }
TEST(Pipelines, MaskWithSomeSteps) { expect_case("inpaint.blend_0.6"); }
TEST(Pipelines, Sd2VelocityPrediction) { expect_case("txt2img.sd2"); }
TEST(Pipelines, Sd2EulerAncestral) { expect_case("txt2img.sd2_euler_a"); }

}  // namespace
}  // namespace tempera::test
