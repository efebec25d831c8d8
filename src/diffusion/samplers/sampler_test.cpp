#include "diffusion/samplers/sampler.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor_file/safetensors.h"

namespace tempera::diffusion {
namespace {

const std::string kFolder = TEMPERA_SOURCE_DIR "/test/data/schedulers/";

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

std::vector<float> tensor(const std::string& file, const std::string& name) {
  const SafetensorsFile opened = SafetensorsFile::open(kFolder + file).value();
  const TensorInfo* info = opened.find(name);
  CHECK(info, "{} has no {}", file, name);
  const Tensor loaded = opened.load(*info);
  const auto values = loaded.as<float>();
  return {values.begin(), values.end()};
}

// The model function of the goldens; each operation rounds to f32.
float model(float x, float timestep) {
  volatile float q = x * x;
  q = q * 0.05f;
  q = q + 1.0f;
  volatile float z = timestep * 0.001f;
  z = z * 0.1f;
  const volatile float y = x / q;
  return y + z;
}

SamplerPlan plan_of(const Json& row) {
  SamplerOptions options;
  options.sampler = row["class"].get<std::string>();
  const Json& config = row["config"];
  options.schedule =
      config.value("use_karras_sigmas", false) ? Schedule::karras : Schedule::discrete;
  options.steps = row["steps"];
  if (row["step_arguments"].contains("eta")) options.eta = row["step_arguments"]["eta"];
  const SchedulerConfig parsed = parse_scheduler_config(config, "case").value();
  return make_sampler_plan(options, parsed).value();
}

class SamplerGolden : public testing::TestWithParam<Golden> {};

TEST_P(SamplerGolden, TimestepsAndSigmasAreDiffusers) {
  const auto& [name, row] = GetParam();
  const SamplerPlan plan = plan_of(row);
  const std::string file = row["file"];
  const std::vector<float> timesteps = tensor(file, name + "/timesteps");
  ASSERT_EQ(plan.timesteps.size(), timesteps.size());
  for (size_t i = 0; i < timesteps.size(); ++i)
    EXPECT_NEAR(plan.timesteps[i], timesteps[i], 2e-3) << i;
  EXPECT_EQ(plan.sigmas.size(), timesteps.size() + 1);
  const float initial = tensor(file, name + "/init_noise_sigma")[0];
  EXPECT_NEAR(plan.init_noise_sigma, initial, 3e-5 * initial);
  if (!plan.sampler->scales_input && plan.sampler->name != "dpm++2m") return;
  const std::vector<float> sigmas = tensor(file, name + "/sigmas");
  ASSERT_EQ(plan.sigmas.size(), sigmas.size());
  for (size_t i = 0; i < sigmas.size(); ++i)
    EXPECT_NEAR(plan.sigmas[i], sigmas[i], 3e-5 * sigmas[i]) << i;
}

TEST_P(SamplerGolden, SamplesAreDiffusers) {
  const auto& [name, row] = GetParam();
  const SamplerPlan plan = plan_of(row);
  const std::vector<float> want = tensor(row["file"], name + "/samples");
  const std::vector<float> noises = tensor("inputs.safetensors", "noises");
  std::vector<float> sample = tensor("inputs.safetensors", "start");
  const size_t count = sample.size();
  for (float& value : sample) value *= plan.init_noise_sigma;
  SamplerState state = make_sampler_state(plan, count);
  std::vector<float> output(count);
  size_t kept = 0, drawn = 0;
  for (size_t call = 0; call < plan.timesteps.size(); ++call) {
    scale_input(plan, call, sample, output);
    for (float& value : output) value = model(value, plan.timesteps[call]);
    const size_t draws = draws_of(plan, call);
    ASSERT_EQ(row["draws"][call].get<size_t>(), draws);
    const auto noise = std::span<const float>(noises).subspan(drawn * count, draws * count);
    drawn += draws;
    sampler_step(plan, {call, output, noise}, state, sample);
    if (kept == row["kept"].size() || row["kept"][kept].get<size_t>() != call) continue;
    for (size_t i = 0; i < count; ++i) {
      const float expected = want[kept * count + i];
      ASSERT_NEAR(sample[i], expected, 1e-4 + 1e-4 * std::abs(expected)) << "call " << call;
    }
    ++kept;
  }
  EXPECT_EQ(kept, row["kept"].size());
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
  for (std::string_view name : {"plms", "PLMS", "pndm", "PNDMScheduler"})
    EXPECT_EQ(find_sampler(name).value().sampler->name, "plms") << name;
  const SamplerChoice karras = find_sampler("DPM++ 2M Karras").value();
  EXPECT_EQ(karras.sampler->name, "dpm++2m");
  EXPECT_EQ(karras.schedule, Schedule::karras);
}

TEST(FindSampler, NamesTheSamplersWhenThereIsNone) {
  EXPECT_EQ(find_sampler("foo").error().message,
            "unknown sampler 'foo'; the samplers are ddim, plms, euler, euler_a, dpm++2m");
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

// Every count of steps of every sampler and spacing either plans finite values or says why not.
TEST(SamplerPlan, HoldsForAnyNumberOfSteps) {
  for (const Sampler* sampler : samplers())
    for (auto spacing :
         {TimestepSpacing::leading, TimestepSpacing::trailing, TimestepSpacing::linspace})
      for (int64_t steps = 1; steps <= 1000; steps += steps < 70 ? 1 : 37) {
        const auto result = plan_with({std::string(sampler->name), {}, spacing, steps},
                                      R"({"beta_schedule": "scaled_linear", "beta_end": 0.012})");
        if (!result.ok()) continue;
        for (float sigma : result->sigmas) ASSERT_TRUE(std::isfinite(sigma)) << sampler->name;
      }
}

}  // namespace
}  // namespace tempera::diffusion
