#include "diffusion/samplers/sampler.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>

#include "diffusion/samplers/add_noise.h"
#include "tensor_file/safetensors.h"

namespace tempera::diffusion {
namespace {

// The whole of the goldens' group 4 where TEMPERA_GOLDENS names them, else the part in the tree.
std::string folder() {
  const char* goldens = std::getenv("TEMPERA_GOLDENS");
  return goldens == nullptr ? TEMPERA_SOURCE_DIR "/test/data/schedulers/"
                            : std::string(goldens) + "/schedulers/";
}

struct Golden {
  std::string name;
  Json row;
};

std::vector<Golden> goldens() {
  const Json cases = read_json_file(folder() + "cases.json").value();
  std::vector<Golden> result;
  for (const Json& row : cases["cases"]) result.push_back({row["case"], row});
  return result;
}

std::optional<std::vector<float>> find_tensor(const std::string& file, const std::string& name) {
  const SafetensorsFile opened = SafetensorsFile::open(folder() + file).value();
  const TensorInfo* info = opened.find(name);
  if (info == nullptr) return {};
  const Tensor loaded = opened.load(*info);
  const auto values = loaded.as<float>();
  return std::vector<float>(values.begin(), values.end());
}

std::vector<float> tensor(const std::string& file, const std::string& name) {
  const auto found = find_tensor(file, name);
  CHECK(found, "{} has no {}", file, name);
  return *found;
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

// "" if all values are within the tolerances of those wanted, else what differs first.
std::string difference(std::span<const float> got, std::span<const float> want, double absolute,
                       double relative) {
  if (got.size() != want.size())
    return fmt::format("{} values instead of {}", got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i)
    if (!(std::abs(got[i] - want[i]) <= absolute + relative * std::abs(want[i])))
      return fmt::format("{} instead of {} at {}", got[i], want[i], i);
  return "";
}

class SamplerGolden : public testing::TestWithParam<Golden> {};

TEST_P(SamplerGolden, TimestepsAndSigmasAreDiffusers) {
  const auto& [name, row] = GetParam();
  const SamplerPlan plan = plan_of(row);
  const std::string file = row["file"];
  EXPECT_EQ(difference(plan.timesteps, tensor(file, name + "/timesteps"), 2e-3, 0), "");
  EXPECT_EQ(plan.begin, row["begin"].get<size_t>());
  EXPECT_EQ(plan.sampler->calls_per_step, row["order"].get<size_t>());
  if (const auto initial = find_tensor(file, name + "/init_noise_sigma")) {
    EXPECT_EQ(difference(std::array{plan.init_noise_sigma}, *initial, 0, 3e-5), "");
  }
  if (const auto sigmas = find_tensor(file, name + "/sigmas")) {
    EXPECT_EQ(difference(plan.sigmas, *sigmas, 0, 3e-5), "");
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
  if (const auto noised = find_tensor(row["file"], name + "/noised")) {
    EXPECT_EQ(difference(sample, *noised, 1e-4, 1e-4), "");
  }
  const size_t count = sample.size();
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
    const auto expected = std::span<const float>(want).subspan(kept * count, count);
    ASSERT_EQ(difference(sample, expected, 1e-4, 1e-4), "") << "call " << call;
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
