#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "api/run/generate.h"
#include "api/run/picture_settings.h"
#include "diffusion/image/png.h"
#include "test/temp_folder.h"

namespace tempera::api {
namespace {

using diffusion::PictureRequest;

PictureRequest request() {
  PictureRequest request;
  request.prompt = "a, cat";
  request.negative_prompt = "dog";
  request.seeds = {5};
  request.sampler = {.sampler = "dpm++2m", .steps = 7};
  return request;
}

std::string text_of(const PictureRequest& request) {
  diffusion::SchedulerConfig config;
  const auto plan = diffusion::make_sampler_plan(request.sampler, config);
  ModelInfo info;
  info.name = "m";
  return parameters_text(request, plan.value(), info, 0);
}

PictureSettings settings_of(const std::string& text) {
  const test::TempFolder folder;
  const std::string path = folder.path("a.png");
  EXPECT_TRUE(diffusion::write_png(path, {1, 1, {0, 0, 0}}, {{"parameters", text}}).ok());
  return settings_of_picture(path).value();
}

std::string value_of(const PictureSettings& settings, std::string_view flag) {
  const auto found = std::ranges::find(settings.flags, flag, [](const auto& f) { return f.first; });
  return found == settings.flags.end() ? "" : found->second.get<std::string>();
}

struct Case {
  std::string flag, value;
  std::function<void(PictureRequest&)> set;
};

// What stands in the text alone, as after a program that drops our own record.
const Case kCases[] = {
    {"PROMPT", "a, cat", [](PictureRequest&) {}},
    {"negative-prompt", "dog", [](PictureRequest&) {}},
    {"steps", "7", [](PictureRequest&) {}},
    {"seed", "5", [](PictureRequest&) {}},
    {"width", "512", [](PictureRequest&) {}},
    {"height", "64", [](PictureRequest& r) { r.height = 64; }},
    {"guidance-scale", "3.25", [](PictureRequest& r) { r.guidance_scale = 3.25; }},
    {"rng", "cpu", [](PictureRequest&) {}},
    {"rng", "cuda", [](PictureRequest& r) { r.noise.rng = diffusion::Rng::cuda; }},
    {"ensd", "31337", [](PictureRequest& r) { r.noise.seed_delta = 31337; }},
    {"variation-seed", "9",
     [](PictureRequest& r) {
       r.noise.variation_seed = 9;
       r.noise.variation_strength = 0.25;
     }},
    {"variation-strength", "0.25",
     [](PictureRequest& r) {
       r.noise.variation_seed = 9;
       r.noise.variation_strength = 0.25;
     }},
    {"clip-skip", "2", [](PictureRequest& r) { r.prompts.clip_skip = 2; }},
    {"prompt-language", "plain",
     [](PictureRequest& r) { r.prompts.language = diffusion::PromptLanguage::plain; }},
    {"tiling", "true", [](PictureRequest& r) { r.tiling = true; }},
    {"guidance-rescale", "0.7", [](PictureRequest& r) { r.guidance_rescale = 0.7; }},
    {"strength", "0.4",
     [](PictureRequest& r) {
       r.init.latents = {0};
       r.init.strength = 0.4;
     }},
    {"hires", "1.5", [](PictureRequest& r) { r.hires.scale = 1.5; }},
    {"hires-strength", "0.6", [](PictureRequest& r) { r.hires = {.scale = 2, .strength = 0.6}; }},
    {"hires-strength", "0.6",
     [](PictureRequest& r) {
       r.init.latents = {0};
       r.hires = {.scale = 2, .strength = 0.6};
     }},
    {"hires-steps", "4", [](PictureRequest& r) { r.hires = {.scale = 2, .steps = 4}; }},
    {"hires-upscaler", "lanczos",
     [](PictureRequest& r) { r.hires = {.scale = 2, .upscaler = diffusion::Upscaler::lanczos}; }},
    {"mask-blur", "4",
     [](PictureRequest& r) {
       r.mask.repaint = {1};
       r.mask.blur = 4;
     }},
    {"mask-fill", "noise",
     [](PictureRequest& r) {
       r.mask.repaint = {1};
       r.mask.fill = diffusion::MaskFill::noise;
     }},
    {"mask-fill", "zero",
     [](PictureRequest& r) {
       r.mask.repaint = {1};
       r.mask.fill = diffusion::MaskFill::zero;
     }},
    {"mask-fill", "blur",
     [](PictureRequest& r) {
       r.mask.repaint = {1};
       r.mask.fill = diffusion::MaskFill::blur;
     }},
    {"only-masked", "true",
     [](PictureRequest& r) {
       r.mask.repaint = {1};
       r.mask.padding = 16;
     }},
    {"only-masked-padding", "16",
     [](PictureRequest& r) {
       r.mask.repaint = {1};
       r.mask.padding = 16;
     }},
    {"token-merging-ratio", "0.5", [](PictureRequest& r) { r.saving.token_merging.ratio = 0.5; }},
    {"token-merging-max-downsample", "2",
     [](PictureRequest& r) { r.saving.token_merging = {.ratio = 0.5, .max_downsample = 2}; }},
    {"token-merging-crossattn", "true",
     [](PictureRequest& r) { r.saving.token_merging = {.ratio = 0.5, .cross_attention = true}; }},
    {"token-merging-mlp", "true",
     [](PictureRequest& r) { r.saving.token_merging = {.ratio = 0.5, .mlp = true}; }},
    {"deep-cache", "3", [](PictureRequest& r) { r.saving.deep_cache = 3; }},
    {"guidance-from", "0.125", [](PictureRequest& r) { r.saving.guidance_from = 0.125; }},
    {"guidance-to", "0.5", [](PictureRequest& r) { r.saving.guidance_to = 0.5; }},
    {"eta", "0.5",
     [](PictureRequest& r) {
       r.sampler.sampler = "ddim";
       r.sampler.eta = 0.5;
     }},
    {"timestep-spacing", "trailing",
     [](PictureRequest& r) { r.sampler.spacing = diffusion::TimestepSpacing::trailing; }},
    {"prediction", "v_prediction",
     [](PictureRequest& r) { r.sampler.prediction = diffusion::Prediction::v_prediction; }},
    {"rescale-betas-zero-snr", "true",
     [](PictureRequest& r) {
       r.sampler.sampler = "ddim";
       r.sampler.rescale_betas_zero_snr = true;
     }},
};

TEST(ParametersText, EverySettingIsReadBack) {
  for (const Case& one : kCases)
    for (const auto compat : {diffusion::Compat::diffusers, diffusion::Compat::a1111}) {
      PictureRequest asked = request();
      asked.sampler.compat = compat;
      one.set(asked);
      if (compat == diffusion::Compat::a1111) asked.sampler.spacing.reset();
      if (asked.sampler.sampler == "ddim" && compat == diffusion::Compat::a1111) continue;
      if (one.flag == "timestep-spacing" && compat == diffusion::Compat::a1111) continue;
      const std::string text = text_of(asked);
      const PictureSettings settings = settings_of(text);
      EXPECT_EQ(value_of(settings, one.flag), one.value) << text;
      EXPECT_TRUE(settings.left_out.empty()) << settings.left_out[0];
    }
}

TEST(ParametersText, EachPictureHasItsOwnSeeds) {
  PictureRequest asked = request();
  asked.seeds = {5, 5};
  asked.noise.variation_seed = 9;
  asked.noise.variation_strength = 0.5;
  asked.noise.first_picture = 4;
  const auto plan = diffusion::make_sampler_plan(asked.sampler, diffusion::SchedulerConfig());
  const std::string text = parameters_text(asked, plan.value(), {}, 1);
  EXPECT_EQ(value_of(settings_of(text), "variation-seed"), "14");
  EXPECT_EQ(value_of(settings_of(text), "seed"), "5");
}

TEST(ParametersText, A1111HasTheScheduleBesideTheSampler) {
  PictureRequest asked = request();
  EXPECT_EQ(value_of(settings_of(text_of(asked)), "sampler"), "DPM++ 2M Karras");
  EXPECT_EQ(value_of(settings_of(text_of(asked)), "compat"), "");
  asked.sampler.compat = diffusion::Compat::a1111;
  asked.sampler.schedule = diffusion::Schedule::align_your_steps;
  const std::string text = text_of(asked);
  EXPECT_NE(text.find("Sampler: DPM++ 2M, Schedule type: Align Your Steps, CFG scale: 7.5"),
            std::string::npos)
      << text;
  EXPECT_EQ(value_of(settings_of(text), "sampler"), "DPM++ 2M");
  EXPECT_EQ(value_of(settings_of(text), "schedule"), "align_your_steps");
  EXPECT_EQ(value_of(settings_of(text), "compat"), "a1111");
}

TEST(ParametersText, OptionsOfA1111sSamplersAreReadBack) {
  PictureRequest asked = request();
  asked.sampler = {.sampler = "euler", .steps = 7, .eta = 0.5, .compat = diffusion::Compat::a1111};
  asked.sampler.k = {.s_churn = 0.25,
                     .s_tmin = 0.5,
                     .s_tmax = 8,
                     .s_noise = 1.25,
                     .quantize = true,
                     .discard_penultimate = true,
                     .sgm_noise_multiplier = true,
                     .sigma_min = 0.125,
                     .sigma_max = 12,
                     .rho = 5};
  const PictureSettings settings = settings_of(text_of(asked));
  const std::pair<const char*, const char*> wanted[] = {{"eta", "0.5"},
                                                        {"s-churn", "0.25"},
                                                        {"s-tmin", "0.5"},
                                                        {"s-tmax", "8"},
                                                        {"s-noise", "1.25"},
                                                        {"quantize-timesteps", "true"},
                                                        {"sigma-min", "0.125"},
                                                        {"discard-next-to-last-sigma", "true"},
                                                        {"sigma-max", "12"},
                                                        {"sgm-noise-multiplier", "true"},
                                                        {"rho", "5"}};
  for (const auto& [flag, value] : wanted) EXPECT_EQ(value_of(settings, flag), value) << flag;
}

TEST(PictureSettings, TakeASecondPassBySize) {
  const auto of = [](const std::string& more) {
    return settings_of("a\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x768, " +
                       more);
  };
  const PictureSettings same = of("Denoising strength: 0.5, Hires resize: 1024x1536");
  EXPECT_EQ(value_of(same, "hires"), "2");
  EXPECT_EQ(value_of(same, "hires-strength"), "0.5");
  EXPECT_TRUE(same.left_out.empty());
  EXPECT_EQ(of("Hires resize: 1024x1024").left_out, (std::vector<std::string>{"Hires resize"}));
  EXPECT_EQ(of("Hires upscale: 2, Hires upscaler: R-ESRGAN 4x+").left_out,
            (std::vector<std::string>{"Hires upscaler R-ESRGAN 4x+ (lanczos instead)"}));
}

}  // namespace
}  // namespace tempera::api
