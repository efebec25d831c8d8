#include "diffusion/samplers/scheduler_config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "diffusion/samplers/beta_schedule.h"

namespace tempera::diffusion {
namespace {

Result<SchedulerConfig> parse(const std::string& text) {
  return parse_scheduler_config(parse_json(text, "test").value(), "scheduler_config.json");
}

std::string message(const std::string& text) {
  const Result<SchedulerConfig> result = parse(text);
  return result.ok() ? "ok" : result.error().message;
}

TEST(SchedulerConfig, AbsentAndNullKeysKeepTheDefaults) {
  const SchedulerConfig config = parse(R"({"beta_end": null, "trained_betas": null})").value();
  EXPECT_EQ(config.num_train_timesteps, 1000);
  EXPECT_EQ(config.beta_end, 0.02);
  EXPECT_EQ(config.prediction, Prediction::epsilon);
  EXPECT_FALSE(config.timestep_spacing.has_value());
  EXPECT_FALSE(config.set_alpha_to_one.has_value());
  EXPECT_FALSE(config.clip_sample.has_value());
}

TEST(SchedulerConfig, ReadsStableDiffusions) {
  const SchedulerConfig config = parse(R"({"_class_name": "PNDMScheduler", "beta_start": 0.00085,
      "beta_schedule": "scaled_linear", "prediction_type": "v_prediction", "clip_sample": false,
      "set_alpha_to_one": false, "steps_offset": 1, "timestep_spacing": "leading"})")
                                     .value();
  EXPECT_EQ(config.beta_schedule, BetaSchedule::scaled_linear);
  EXPECT_EQ(config.prediction, Prediction::v_prediction);
  EXPECT_EQ(config.set_alpha_to_one, false);
  EXPECT_EQ(config.steps_offset, 1);
  EXPECT_EQ(config.timestep_spacing, TimestepSpacing::leading);
}

TEST(SchedulerConfig, NamesWhatItRefuses) {
  EXPECT_EQ(
      message(R"({"beta_schedule": "sigmoid"})"),
      "scheduler_config.json: beta_schedule 'sigmoid' is not supported; supported are linear, "
      "scaled_linear, squaredcos_cap_v2");
  EXPECT_EQ(message(R"({"prediction_type": "flow_prediction"})"),
            "scheduler_config.json: prediction_type 'flow_prediction' is not supported; supported "
            "are epsilon, v_prediction, sample");
  EXPECT_EQ(message(R"({"num_train_timesteps": 0})"),
            "scheduler_config.json: num_train_timesteps is 0, not within 2 to 100000");
  EXPECT_EQ(message(R"({"steps_offset": -1})"),
            "scheduler_config.json: steps_offset is -1, not within 0 to 999");
  EXPECT_EQ(message(R"({"beta_end": 1e30})"),
            "scheduler_config.json: beta_end holds 1e+30, which is not within 0 to 1");
  EXPECT_EQ(message(R"({"num_train_timesteps": 2, "trained_betas": [0.1, -0.5]})"),
            "scheduler_config.json: trained_betas holds -0.5, which is not within 0 to 1");
  EXPECT_EQ(message(R"({"trained_betas": [0.1, 0.2]})"),
            "scheduler_config.json: trained_betas holds 2 values, num_train_timesteps is 1000");
  EXPECT_EQ(parse(R"({"beta_start": "x"})").error().code, ErrorCode::data_loss);
  EXPECT_EQ(parse("[]").error().code, ErrorCode::data_loss);
}

TEST(SchedulerConfig, ReadsPythonsInfinities) {
  const std::string path = fmt::format("{}tempera_config_{}.json", testing::TempDir(), getpid());
  ASSERT_TRUE(
      write_file(path, R"({"lambda_min_clipped": -Infinity, "note": "an \" Infinity"})").ok());
  EXPECT_LT(read_scheduler_config(path).value().lambda_min_clipped, -1e300);
  std::filesystem::remove(path);
}

TEST(BetaSchedule, HasTheKindsEnds) {
  const std::vector<float> linear = make_betas(parse("{}").value());
  EXPECT_FLOAT_EQ(linear.front(), 0.0001f);
  EXPECT_FLOAT_EQ(linear.back(), 0.02f);
  const std::vector<float> cosine =
      make_betas(parse(R"({"beta_schedule": "squaredcos_cap_v2"})").value());
  EXPECT_NEAR(cosine.front(), 4.1e-5, 1e-6);
  EXPECT_FLOAT_EQ(cosine.back(), 0.999f);
  const std::vector<float> trained =
      make_betas(parse(R"({"trained_betas": [0.25, 0.5], "num_train_timesteps": 2})").value());
  EXPECT_EQ(cumulative_alphas(trained), (std::vector<float>{0.75f, 0.375f}));
}

TEST(BetaSchedule, ZeroSnrEndsInNoSignal) {
  const std::vector<float> alphas =
      cumulative_alphas(rescale_zero_terminal_snr(make_betas(parse("{}").value())));
  EXPECT_EQ(alphas.back(), 0.0f);
  EXPECT_NEAR(alphas.front(), 0.9999f, 1e-6);
}

}  // namespace
}  // namespace tempera::diffusion
