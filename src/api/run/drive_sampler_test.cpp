#include "api/run/drive_sampler.h"

#include <gtest/gtest.h>

#include <cmath>

#include "api/run/files.h"
#include "base/builtin.h"
#include "diffusion/samplers/drive.h"
#include "test/temp_folder.h"

namespace tempera::api {
namespace {

using Values = std::vector<float>;

Tensor tensor(const Values& values) {
  return Tensor::of<float>(DType::f32, {static_cast<int64_t>(values.size())}, values);
}

Values values_of(const NamedValues& tensors, const std::string& name) {
  for (const auto& [key, value] : tensors)
    if (key == name) return {value.as<float>().begin(), value.as<float>().end()};
  ADD_FAILURE() << "no " << name;
  return {};
}

struct Driven {
  test::TempFolder folder;
  Status run(const SamplerQuestion& question, const NamedValues& inputs) {
    EXPECT_TRUE(write_tensors(folder.path("in.safetensors"), inputs).ok());
    return drive_sampler(question, std::string(kSd1Scheduler), folder.path("in.safetensors"),
                         folder.path("out.safetensors"));
  }
  NamedValues result() const { return *read_tensors(folder.path("out.safetensors")); }
};

TEST(DriveSampler, WritesTheSampleAfterEachCall) {
  Driven driven;
  const SamplerQuestion question{.sampler = "euler", .steps = 2};
  const Status status = driven.run(question, {{"start", tensor({1, -0.5f})}});
  ASSERT_TRUE(status.ok()) << status.error().message;
  const NamedValues got = driven.result();
  const Values first = values_of(got, "first"), sigmas = values_of(got, "sigmas"),
               timesteps = values_of(got, "timesteps"), samples = values_of(got, "samples");
  EXPECT_FLOAT_EQ(first[1], -0.5f * values_of(got, "init_noise_sigma")[0]);
  ASSERT_EQ(samples.size(), 4u);
  Values x = first;
  for (size_t call = 0; call < 2; ++call)
    for (size_t i = 0; i < 2; ++i) {
      const float scaled = x[i] / std::sqrt(sigmas[call] * sigmas[call] + 1);
      x[i] += diffusion::formula_model(scaled, timesteps[call]) * (sigmas[call + 1] - sigmas[call]);
      EXPECT_NEAR(samples[2 * call + i], x[i], 1e-4) << call << " " << i;
    }
}

TEST(DriveSampler, AddsTheStartToAPictureAtAStrength) {
  Driven driven;
  const SamplerQuestion question{.sampler = "euler", .steps = 4, .strength = 0.5};
  const NamedValues inputs = {{"start", tensor({1, 2})}, {"original", tensor({3, 4})}};
  ASSERT_TRUE(driven.run(question, inputs).ok());
  const NamedValues got = driven.result();
  EXPECT_EQ(values_of(got, "timesteps").size(), 2u);
  EXPECT_NEAR(values_of(got, "first")[1], 4 + 2 * values_of(got, "sigmas")[0], 1e-4);
}

TEST(DriveSampler, NamesTheTensorThatItLacks) {
  Driven driven;
  EXPECT_EQ(
      driven.run({.sampler = "euler"}, {{"x", tensor({1})}}).error().message,
      driven.folder.path("in.safetensors") + ": no tensor start, which driving this sampler takes");
  EXPECT_NE(driven.run({.sampler = "euler_a"}, {{"start", tensor({1})}})
                .error()
                .message.find("no tensor noises"),
            std::string::npos);
}

}  // namespace
}  // namespace tempera::api
