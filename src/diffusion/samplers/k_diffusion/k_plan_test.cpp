#include "diffusion/samplers/k_diffusion/k_plan.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "diffusion/golden_tensors.h"
#include "diffusion/samplers/k_diffusion/denoiser.h"
#include "diffusion/samplers/k_diffusion/k_schedule.h"

namespace tempera::diffusion::k_diffusion {
namespace {

// What the webui's own model has.
SchedulerConfig sd15() {
  SchedulerConfig config;
  config.beta_schedule = BetaSchedule::scaled_linear;
  config.beta_start = 0.00085;
  config.beta_end = 0.012;
  return config;
}

const std::string kFolder = golden_folder("k_samplers");

SafetensorsFile open(const std::string& name) {
  return SafetensorsFile::open(kFolder + name).value();
}

std::vector<Json> goldens() {
  const Json cases = read_json_file(kFolder + "cases.json").value();
  return {cases["cases"].begin(), cases["cases"].end()};
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

SamplerOptions options_of(const Json& row) {
  SamplerOptions options{
      .sampler = row["kind"],
      .schedule = parse_schedule(row["schedule"].get<std::string>(), Compat::a1111).value(),
      .steps = row["steps"]};
  options.compat = Compat::a1111;
  const Json& given = row["options"];
  if (given.contains("eta")) options.eta = given["eta"];
  if (given.contains("v")) options.prediction = Prediction::v_prediction;
  KOptions& k = options.k;
  k.s_churn = given.value("s_churn", k.s_churn);
  k.s_tmin = given.value("s_tmin", k.s_tmin);
  k.s_tmax = given.value("s_tmax", k.s_tmax);
  k.s_noise = given.value("s_noise", k.s_noise);
  k.quantize = given.value("quantize", false);
  k.discard_penultimate = given.value("always_discard", false);
  k.sgm_noise_multiplier = given.value("sgm_noise_multiplier", false);
  for (auto [name, value] :
       {std::pair{"sigma_min", &k.sigma_min}, {"sigma_max", &k.sigma_max}, {"rho", &k.rho}})
    if (given.contains(name)) *value = given[name].get<double>();
  return options;
}

SamplerPlan plan_of(const Json& row) {
  const SamplerOptions options = options_of(row);
  if (!row.contains("strength")) return make_plan(options, sd15()).value();
  return make_img2img_plan(options, sd15(), row["strength"]).value();
}

// What a run gives at each step, as the goldens keep it.
struct Walked {
  std::vector<float> noised, xs, denoised;
  std::vector<int64_t> draws;  // of each step
};

Walked walk(const SamplerPlan& plan, bool from_picture, std::span<const float> noises) {
  const SafetensorsFile inputs = open("inputs.safetensors");
  std::vector<float> x = golden_tensor(inputs, "start");
  const std::vector<float> original = golden_tensor(inputs, "original");
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = x[i] * plan.init_noise_sigma + (from_picture ? original[i] : 0.0f);
  Walked result{.noised = x};
  SamplerState state = make_sampler_state(plan, x.size());
  std::vector<float> scaled(x.size());
  size_t drawn = 0;
  for (size_t call = 0; call < plan.timesteps.size(); ++call) {
    const size_t draws = draws_of(plan, call);
    const auto noise = noises.subspan(drawn * x.size(), draws * x.size());
    drawn += draws;
    add_churn(plan, call, noise, x);
    const bool opens = plan.linear_steps[call].opens;
    if (opens) result.draws.push_back(0);
    result.draws.back() += static_cast<int64_t>(draws);
    if (opens) result.xs.insert(result.xs.end(), x.begin(), x.end());
    scale_input(plan, call, x, scaled);
    for (float& value : scaled) value = model(value, plan.timesteps[call]);
    const std::vector<float> before = x;
    sampler_step(plan, {call, scaled, noise}, state, x);
    if (opens && plan.config.prediction == Prediction::epsilon)
      for (size_t i = 0; i < x.size(); ++i)
        result.denoised.push_back(before[i] -
                                  static_cast<float>(plan.linear_steps[call].sigma) * scaled[i]);
  }
  result.xs.insert(result.xs.end(), x.begin(), x.end());
  return result;
}

class KSamplerGolden : public testing::TestWithParam<Json> {};

TEST_P(KSamplerGolden, WalksAsKDiffusion) {
  const Json& row = GetParam();
  const std::string name = row["case"];
  const SafetensorsFile file = open(row["file"]);
  const auto golden = [&](const std::string& what) {
    return golden_tensor(file, fmt::format("{}/{}", name, what));
  };
  const SamplerPlan plan = plan_of(row);
  EXPECT_EQ(difference(plan.step_sigmas, golden("sigmas"), 0, 3e-5), "");
  const double timestep_tolerance = row["options"].contains("quantize") ? 0 : 5e-3;
  EXPECT_EQ(difference(plan.timesteps, golden("timesteps"), timestep_tolerance, 0), "");
  std::vector<float> noises = golden("noises");
  if (noises.empty()) noises = golden_tensor(open("inputs.safetensors"), "noises");
  const Walked got = walk(plan, row.contains("strength"), noises);
  EXPECT_EQ(got.draws, row["draws"].get<std::vector<int64_t>>());
  const std::vector<float> xs = golden("x"), denoised = golden("denoised");
  EXPECT_EQ(difference(std::span(got.xs).last(xs.size()), xs, 1e-4, 1e-4), "");
  if (!denoised.empty()) {
    EXPECT_EQ(difference(got.denoised, denoised, 1e-4, 1e-4), "");
  }
  if (row.contains("strength")) {
    EXPECT_EQ(difference(got.noised, golden("noised"), 1e-4, 1e-4), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Webui, KSamplerGolden, testing::ValuesIn(goldens()),
                         [](const testing::TestParamInfo<Json>& info) {
                           std::string name = info.param["case"];
                           for (char& c : name)
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           return name + "_" + std::to_string(info.index);
                         });

TEST(KSchedule, IsTheWebuisForAnyNumberOfSteps) {
  const SafetensorsFile file = open("schedules.safetensors");
  const Denoiser denoiser = make_denoiser(sd15());
  int rows = 0;
  for (const std::string_view name : file.names()) {
    const std::string text(name), schedule = text.substr(0, text.find('.'));
    const auto parsed = parse_schedule(schedule, Compat::a1111);
    if (!parsed.ok()) continue;
    const int64_t steps = std::stoll(text.substr(schedule.size() + 1));
    const auto sigmas =
        make_sigmas(*parsed, denoiser, steps, text.ends_with(".discard"), {}).value();
    const std::vector<float> got(sigmas.begin(), sigmas.end());
    EXPECT_EQ(difference(got, golden_tensor(file, text), 0, 3e-5), "") << text;
    ++rows;
  }
  EXPECT_GE(rows, 100);
}

TEST(Denoiser, MapsBetweenSigmasAndTimesteps) {
  const SafetensorsFile file = open("schedules.safetensors");
  const Denoiser denoiser = make_denoiser(sd15());
  std::vector<float> timesteps, sigmas;
  for (const float sigma : golden_tensor(file, "sigma_to_t.sigma"))
    timesteps.push_back(static_cast<float>(denoiser.timestep(sigma)));
  for (const float t : golden_tensor(file, "t_to_sigma.t"))
    sigmas.push_back(static_cast<float>(denoiser.sigma(t)));
  EXPECT_EQ(difference(timesteps, golden_tensor(file, "sigma_to_t.t"), 5e-3, 0), "");
  EXPECT_EQ(difference(sigmas, golden_tensor(file, "t_to_sigma.sigma"), 0, 3e-5), "");
}

TEST(Img2ImgSteps, AreTheWebuis) {
  const Json table = read_json_file(kFolder + "img2img.json").value();
  for (const Json& row : table["cases"]) {
    const int64_t steps = row[0];
    const Img2ImgSteps got = img2img_steps(steps, row[1], false);
    EXPECT_EQ(got.steps, steps);
    EXPECT_EQ(got.first, steps - row[2].get<int64_t>() - 1) << row;
  }
  const Img2ImgSteps exact = img2img_steps(20, 0.75, true);
  EXPECT_EQ(exact.steps, 26);
  EXPECT_EQ(exact.first, 6);
}

TEST(KSamplers, AreFoundByTheWebuisNames) {
  const auto found = [](std::string_view name) {
    const auto choice = find_sampler(name, Compat::a1111);
    if (!choice.ok()) return choice.error().message;
    return fmt::format("{}/{}", choice->sampler->name,
                       choice->schedule ? diffusion::name(*choice->schedule) : "");
  };
  EXPECT_EQ(found("Euler a"), "euler_a/");
  EXPECT_EQ(found("DPM++ 2M SDE Karras"), "dpm++2m_sde/karras");
  EXPECT_EQ(found("DPM++ 2M SDE Heun Exponential"), "dpm++2m_sde_heun/exponential");
  EXPECT_EQ(found("DPM++ SDE"), "dpm++sde/");
  EXPECT_EQ(found("DPM++ 2S a Karras"), "dpm++2s_a/karras");
  EXPECT_EQ(found("DPM2 a"), "dpm2_a/");
  EXPECT_EQ(found("LMS SGM Uniform"), "lms/sgm_uniform");
  EXPECT_NE(found("UniPC").find("unknown sampler 'UniPC'; the samplers are euler"),
            std::string::npos);
}

TEST(KSamplers, RefuseWhatTheWebuiHasNot) {
  const auto message = [](SamplerOptions options) {
    options.compat = Compat::a1111;
    const auto plan = make_sampler_plan(options, sd15());
    return plan.ok() ? "ok" : plan.error().message;
  };
  EXPECT_EQ(message({.sampler = "euler", .schedule = Schedule::automatic}), "ok");
  EXPECT_NE(message({.sampler = "euler", .schedule = Schedule::discrete}).find("discrete"),
            std::string::npos);
  EXPECT_EQ(message({.sampler = "euler", .steps = 0}),
            "0 steps are not within 1 to the model's 1000");
  EXPECT_EQ(message({.sampler = "euler", .spacing = TimestepSpacing::trailing}),
            "AUTOMATIC1111's samplers have no --timestep-spacing; pass a --schedule");
  SamplerOptions options{.sampler = "euler"};
  EXPECT_FALSE(make_img2img_plan(options, sd15(), 0, true).ok());
  EXPECT_FALSE(make_img2img_plan(options, sd15(), 1.5).ok());
}

// Every sampler and schedule with any count of steps walks by finite weights.
TEST(KSamplers, HoldForAnyNumberOfSteps) {
  for (const Sampler* sampler : samplers())
    for (const Schedule schedule : sampler->schedules)
      for (const int64_t steps : {1, 2, 3, 4, 9, 150, 1000}) {
        SamplerOptions options{
            .sampler = std::string(sampler->name), .schedule = schedule, .steps = steps};
        const auto plan = make_plan(options, sd15());
        if (!plan.ok() && steps == 1000) continue;  // more than the model has noise levels
        ASSERT_TRUE(plan.ok()) << sampler->name << name(schedule) << steps;
        for (const LinearStep& step : plan->linear_steps)
          ASSERT_TRUE(
              std::isfinite(step.sample + step.kept + step.memory[0] + step.memory[1] + step.noise))
              << sampler->name << " " << name(schedule) << " " << steps;
      }
}

}  // namespace
}  // namespace tempera::diffusion::k_diffusion
