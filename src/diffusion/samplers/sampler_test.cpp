#include "diffusion/samplers/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/golden_tensors.h"
#include "diffusion/samplers/add_noise.h"
#include "diffusion/samplers/drive.h"

namespace tempera::diffusion {
namespace {

const std::string kFolder = golden_folder("schedulers");

struct Golden {
  std::string name;
  Json row;
};

std::vector<Golden> goldens() {
  const Json cases = read_json_file(kFolder + "cases.json").value();
  std::vector<Golden> result;
  for (const Json& row : cases["cases"]) result.push_back({row["case"], row});
  return result;
}

// Empty if the file has none of that name.
std::vector<float> find_tensor(const std::string& file, const std::string& name) {
  return golden_tensor(SafetensorsFile::open(kFolder + file).value(), name);
}

std::vector<float> tensor(const std::string& file, const std::string& name) {
  std::vector<float> found = find_tensor(file, name);
  CHECK(!found.empty(), "{} has no {}", file, name);
  return found;
}

std::string sampler_of(const Json& row) {
  const Json& config = row["config"];
  if (config.value("algorithm_type", "") == "sde-dpmsolver++") return "dpm++2m_sde";
  if (config.value("solver_order", 2) == 3) return "dpm++3m";
  return row["class"];
}

Schedule schedule_of(const Json& config) {
  if (config.value("use_karras_sigmas", false)) return Schedule::karras;
  if (config.value("use_exponential_sigmas", false)) return Schedule::exponential;
  if (config.value("use_beta_sigmas", false)) return Schedule::beta;
  return Schedule::discrete;
}

SamplerPlan plan_of(const Json& row) {
  SamplerOptions options;
  options.sampler = sampler_of(row);
  options.schedule = schedule_of(row["config"]);
  options.steps = row["steps"];
  if (row["step_arguments"].contains("eta")) options.eta = row["step_arguments"]["eta"];
  const SchedulerConfig config = parse_scheduler_config(row["config"], "case").value();
  const SamplerPlan plan = make_sampler_plan(options, config).value();
  return row.contains("strength") ? cut(plan, row["strength"].get<double>()).value() : plan;
}

class SamplerGolden : public testing::TestWithParam<Golden> {};

TEST_P(SamplerGolden, TimestepsAndSigmasAreDiffusers) {
  const auto& [name, row] = GetParam();
  const SamplerPlan plan = plan_of(row);
  const std::string file = row["file"];
  EXPECT_EQ(difference(plan.timesteps, tensor(file, name + "/timesteps"), 2e-3, 0), "");
  EXPECT_EQ(plan.begin, row["begin"].get<size_t>());
  EXPECT_EQ(plan.sampler->calls_per_step, row["order"].get<size_t>());
  if (const auto initial = find_tensor(file, name + "/init_noise_sigma"); !initial.empty()) {
    EXPECT_EQ(difference(std::array{plan.init_noise_sigma}, initial, 0, 3e-5), "");
  }
  if (const auto sigmas = find_tensor(file, name + "/sigmas"); !sigmas.empty()) {
    EXPECT_EQ(difference(plan.sigmas, sigmas, 0, 3e-5), "");
  }
}

// The first sample: unit noise at the plan's level or, of a cut plan, with a picture's latents.
std::vector<float> first_sample(const SamplerPlan& plan, const Json& row) {
  std::vector<float> sample = tensor("inputs.safetensors", "start");
  if (row.contains("strength"))
    add_noise(plan, 0, tensor("inputs.safetensors", "original"), sample, sample);
  else
    for (float& value : sample) value *= plan.init_noise_sigma;
  return sample;
}

TEST_P(SamplerGolden, SamplesAreDiffusers) {
  const auto& [name, row] = GetParam();
  const SamplerPlan plan = plan_of(row);
  const std::vector<float> want = tensor(row["file"], name + "/samples");
  const std::vector<float> noises = tensor("inputs.safetensors", "noises");
  std::vector<float> sample = first_sample(plan, row);
  if (const auto noised = find_tensor(row["file"], name + "/noised"); !noised.empty()) {
    EXPECT_EQ(difference(sample, noised, 1e-4, 1e-4), "");
  }
  for (size_t call = 0; call < plan.timesteps.size(); ++call)
    EXPECT_EQ(row["draws"][call].get<size_t>(), draws_of(plan, call)) << call;
  const size_t count = sample.size();
  const auto samples = drive(plan, std::move(sample), noises).value();
  for (size_t kept = 0; kept < row["kept"].size(); ++kept) {
    const size_t call = row["kept"][kept];
    const auto expected = std::span<const float>(want).subspan(kept * count, count);
    ASSERT_EQ(difference(samples.at(call), expected, 1e-4, 1e-4), "") << "call " << call;
  }
}

// add_noise.* of the whole goldens: the first, middle and last call of 20 steps.
TEST(AddNoise, IsDiffusersAtAnyCall) {
  for (const Golden& golden : goldens()) {
    const std::string file = golden.row["file"];
    const auto timesteps = find_tensor(file, "add_noise.timesteps");
    const auto want = find_tensor(file, "add_noise.result");
    const bool is_of_kind = golden.name.ends_with(".leading.20") || golden.name.ends_with("lt.20");
    if (timesteps.empty() || want.empty() || !is_of_kind) continue;
    const SamplerPlan plan = plan_of(golden.row);
    const std::vector<float> original = tensor("inputs.safetensors", "original");
    const std::vector<float> noise = tensor("inputs.safetensors", "start");
    for (size_t i = 0; i < timesteps.size(); ++i) {
      // Of a level that is called twice diffusers takes the second.
      const auto last = std::find_if(plan.timesteps.rbegin(), plan.timesteps.rend(),
                                     [&](float t) { return std::abs(t - timesteps[i]) < 2e-3; });
      ASSERT_NE(last, plan.timesteps.rend()) << golden.name;
      std::vector<float> noised(noise.size());
      add_noise(plan, static_cast<size_t>(plan.timesteps.rend() - last) - 1, original, noise,
                noised);
      const auto expected = std::span<const float>(want).subspan(i * noise.size(), noise.size());
      EXPECT_EQ(difference(noised, expected, 1e-4, 1e-4), "") << golden.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Diffusers, SamplerGolden, testing::ValuesIn(goldens()),
                         [](const testing::TestParamInfo<Golden>& info) {
                           std::string name = info.param.name;
                           for (char& c : name)
                             if (c == '.') c = '_';
                           return name;
                         });

Result<SamplerPlan> plan_with(const SamplerOptions& options, const std::string& config) {
  const Json json = parse_json(config, "config").value();
  Result<SchedulerConfig> parsed = parse_scheduler_config(json, "scheduler_config.json");
  if (!parsed.ok()) return parsed.error();
  return make_sampler_plan(options, *parsed);
}

std::string message(const SamplerOptions& options, const std::string& config = "{}") {
  const Result<SamplerPlan> result = plan_with(options, config);
  return result.ok() ? "ok" : result.error().message;
}

TEST(FindSampler, KnowsTheNamesOfOtherPrograms) {
  for (std::string_view name :
       {"dpm++2m", "DPM++ 2M", "dpmpp_2m", "DPMSolverMultistepScheduler", "k_dpmpp_2m"})
    EXPECT_EQ(find_sampler(name).value().sampler->name, "dpm++2m") << name;
  for (std::string_view name : {"euler_a", "Euler a", "EulerAncestralDiscreteScheduler"})
    EXPECT_EQ(find_sampler(name).value().sampler->name, "euler_a") << name;
  for (std::string_view name : {"k_dpm_2_a", "DPM2 a", "dpm_2_ancestral"})
    EXPECT_EQ(find_sampler(name).value().sampler->name, "dpm2_a") << name;
  // Other algorithms elsewhere.
  for (std::string_view name : {"DPM++ 2S a", "DPM++ SDE", "DPM++ 3M SDE", "dpm++2mv2"})
    EXPECT_FALSE(find_sampler(name).ok()) << name;
  EXPECT_EQ(find_sampler("DPM2 SGM Uniform").value().schedule, Schedule::sgm_uniform);
  for (std::string_view name : {"plms", "PLMS", "pndm", "PNDMScheduler"})
    EXPECT_EQ(find_sampler(name).value().sampler->name, "plms") << name;
  const SamplerChoice karras = find_sampler("DPM++ 2M Karras").value();
  EXPECT_EQ(karras.sampler->name, "dpm++2m");
  EXPECT_EQ(karras.schedule, Schedule::karras);
}

TEST(FindSampler, NamesTheSamplersWhenThereIsNone) {
  EXPECT_EQ(
      find_sampler("foo").error().message,
      "unknown sampler 'foo'; the samplers are ddim, ddpm, plms, lms, euler, euler_a, heun, dpm2, "
      "dpm2_a, dpm++2m, dpm++3m, dpm++2m_sde, dpm++2s, unipc, deis, lcm, tcd");
}

TEST(SamplerPlan, RefusesWhatTheClassDoesNotHave) {
  EXPECT_EQ(message({.sampler = "ddim", .schedule = Schedule::karras}),
            "sampler ddim has no karras schedule, as diffusers' DDIMScheduler has no flag for it; "
            "pass --schedule discrete or sgm_uniform");
  EXPECT_EQ(message({.steps = 0}), "0 steps are not within 1 to the model's 1000");
  EXPECT_EQ(message({.sampler = "euler_a"}, R"({"prediction_type": "sample"})"),
            "sampler euler_a does not support prediction_type 'sample' of the model's scheduler "
            "config");
  EXPECT_EQ(message({.sampler = "euler"}, R"({"timestep_type": "continuous"})"),
            "sampler euler does not support timestep_type continuous of the model's scheduler "
            "config");
  EXPECT_EQ(message({.sampler = "ddim", .steps = 1000}, R"({"steps_offset": 1})"),
            "sampler ddim with 1000 steps begins at timestep 1000, but the model has only 1000; "
            "use fewer steps or --timestep-spacing trailing");
}

TEST(SamplerPlan, RefusesFlagsThatTheClassWouldIgnore) {
  EXPECT_EQ(message({.sampler = "euler", .eta = 0.5}),
            "sampler euler takes no eta; leave out --eta 0.5");
  EXPECT_EQ(
      message({.sampler = "heun", .rescale_betas_zero_snr = true}),
      "sampler heun cannot rescale betas to zero SNR, as diffusers' HeunDiscreteScheduler has "
      "no rescale_betas_zero_snr; leave out --rescale-betas-zero-snr");
  EXPECT_EQ(message({.sampler = "lcm", .steps = 51}),
            "sampler lcm with 51 steps: its model was distilled with 50; use fewer steps");
  EXPECT_EQ(message({.schedule = Schedule::sgm_uniform, .spacing = TimestepSpacing::leading}),
            "the sgm_uniform schedule is discrete with trailing timesteps, not leading; pass "
            "--schedule discrete");
}

TEST(SamplerPlan, SgmUniformIsDiscreteWithTrailingTimesteps) {
  for (const char* sampler : {"euler", "ddim", "dpm++2m", "unipc"}) {
    const auto uniform = plan_with({.sampler = sampler, .schedule = Schedule::sgm_uniform}, "{}");
    const auto trailing = plan_with(
        {.sampler = sampler, .schedule = Schedule::discrete, .spacing = TimestepSpacing::trailing},
        R"({"timestep_spacing": "leading"})");
    EXPECT_EQ(uniform->timesteps, trailing->timesteps) << sampler;
    EXPECT_EQ(uniform->sigmas, trailing->sigmas) << sampler;
  }
}

TEST(SamplerPlan, PredictionAndZeroSnrOverrideTheConfig) {
  const auto plan = plan_with({.sampler = "ddim",
                               .spacing = TimestepSpacing::trailing,
                               .prediction = Prediction::v_prediction,
                               .rescale_betas_zero_snr = true},
                              R"({"prediction_type": "epsilon"})");
  EXPECT_EQ(plan->config.prediction, Prediction::v_prediction);
  EXPECT_EQ(plan->alphas_cumprod.back(), 0.0f);
}

TEST(Cut, KeepsTheLastStepsOfAStrength) {
  const SamplerPlan whole = plan_with({.sampler = "heun", .steps = 10}, "{}").value();
  const SamplerPlan part = cut(whole, 0.35).value();
  EXPECT_EQ(part.begin, 14U);  // seven steps of two calls
  EXPECT_EQ(part.timesteps.size(), whole.timesteps.size() - 14);
  EXPECT_EQ(part.sigmas[0], whole.sigmas[14]);
  EXPECT_EQ(cut(whole, 1.0)->timesteps, whole.timesteps);
  EXPECT_EQ(cut(whole, 0.05).error().message,
            "no step is left of 10 at strength 0.05; use more steps or a higher strength");
  EXPECT_EQ(cut(whole, 1.5).error().message, "the strength 1.5 is not within 0 to 1");
}

TEST(SamplerPlan, TakesEachClassesOwnDefaultSpacing) {
  const auto spacing = [](std::string sampler) {
    return plan_with({.sampler = std::move(sampler)}, "{}").value().spacing;
  };
  EXPECT_EQ(spacing("ddim"), TimestepSpacing::leading);
  EXPECT_EQ(spacing("plms"), TimestepSpacing::leading);
  EXPECT_EQ(spacing("euler"), TimestepSpacing::linspace);
  EXPECT_EQ(spacing("euler_a"), TimestepSpacing::linspace);
  EXPECT_EQ(spacing("dpm++2m"), TimestepSpacing::linspace);
}

TEST(SamplerPlan, SpacingOptionOverridesTheConfig) {
  const SamplerPlan plan =
      plan_with({.sampler = "ddim", .spacing = TimestepSpacing::trailing, .steps = 4},
                R"({"timestep_spacing": "leading"})")
          .value();
  EXPECT_EQ(plan.timesteps, (std::vector<float>{999, 749, 499, 249}));
}

TEST(SamplerPlan, IgnoresTheSigmasThatTheFileChooses) {
  const std::string karras = R"({"use_karras_sigmas": true, "beta_schedule": "scaled_linear"})";
  EXPECT_EQ(plan_with({.schedule = Schedule::discrete}, karras).value().schedule,
            Schedule::discrete);
}

TEST(SamplerPlan, ClipsTheLowestLambdas) {
  const auto first = [](const std::string& config) {
    return plan_with({.schedule = Schedule::discrete}, config).value().timesteps[0];
  };
  EXPECT_EQ(first(R"({"beta_schedule": "squaredcos_cap_v2"})"), 999);
  EXPECT_LT(first(R"({"beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -5.1})"), 999);
}

TEST(SamplerPlan, FinalSigmaMayBeTheSmallest) {
  const SamplerPlan plan =
      plan_with({.schedule = Schedule::karras, .steps = 5}, R"({"final_sigmas_type": "sigma_min"})")
          .value();
  EXPECT_FLOAT_EQ(plan.sigmas[5], plan.sigmas[4]);
  EXPECT_GT(plan.sigmas[5], 0.0f);
}

TEST(SamplerPlan, TitleIsThatOfTheWebui) {
  EXPECT_EQ(title(plan_with({}, "{}").value()), "DPM++ 2M Karras");
  EXPECT_EQ(title(plan_with({.sampler = "euler_a"}, "{}").value()), "Euler a");
}

// Every count of steps of every sampler, schedule and spacing either plans finite values or says
// why not.
TEST(SamplerPlan, HoldsForAnyNumberOfSteps) {
  const std::string config = R"({"beta_schedule": "scaled_linear", "beta_end": 0.012})";
  for (const Sampler* sampler : samplers())
    for (const Schedule schedule : sampler->schedules)
      for (int64_t steps = 1; steps <= 1000; steps += steps < 70 ? 1 : 137)
        for (const auto spacing :
             {TimestepSpacing::leading, TimestepSpacing::trailing, TimestepSpacing::linspace}) {
          if (schedule != Schedule::discrete && spacing != TimestepSpacing::trailing) continue;
          const auto plan =
              plan_with({std::string(sampler->name), schedule, spacing, steps}, config);
          if (!plan.ok()) continue;
          for (const float sigma : plan->sigmas)
            ASSERT_TRUE(std::isfinite(sigma)) << sampler->name << name(schedule) << steps;
        }
}

// From one step on, every sampler ends in finite latents.
TEST(Drive, EndsInFiniteLatentsWithFewSteps) {
  const std::string config = R"({"beta_schedule": "scaled_linear", "beta_end": 0.012})";
  const std::vector<float> noises(4096, 0.5f);
  for (const Sampler* sampler : samplers())
    for (const Schedule schedule : sampler->schedules)
      for (int64_t steps = 1; steps <= 16; ++steps) {
        const auto plan = plan_with({std::string(sampler->name), schedule, {}, steps}, config);
        ASSERT_TRUE(plan.ok()) << plan.error().message;
        std::vector<float> start(16, 0.25f * plan->init_noise_sigma);
        const auto samples = drive(*plan, std::move(start), noises).value();
        for (const float value : samples.back())
          ASSERT_TRUE(std::isfinite(value)) << sampler->name << " " << name(schedule) << steps;
      }
}

TEST(Drive, WantsEnoughNoise) {
  const auto plan = plan_with({.sampler = "euler_a", .steps = 2}, "{}").value();
  EXPECT_EQ(drive(plan, std::vector<float>(4), std::vector<float>(4)).error().message,
            "call 1 of 2 draws more noise than is given");
}

}  // namespace
}  // namespace tempera::diffusion
