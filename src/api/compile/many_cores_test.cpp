// Code for many cores divides the channels of small contractions: the same numbers as without, and
// the same bits on any number of threads and in any batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "api/compile/compile.h"
#include "api/run/run_component.h"

namespace tempera::api {
namespace {

const std::string kEmoji = std::string(TEMPERA_SOURCE_DIR) + "/models/tempera-emoji";

// The bundled model's UNet for a machine of so many cores.
std::unique_ptr<Session> open_unet(int64_t cores, int threads) {
  ModelSource source = *open_model(kEmoji, {.threads = 2}, {"unet"});
  const auto checkpoint =
      std::make_shared<const frontend::Checkpoint>(*frontend::open_checkpoint(kEmoji));
  auto compiler = std::make_shared<Compiler>(*make_compiler({.threads = 2, .cache_folder = ""}));
  compiler->target.cores = cores;
  source.compile = [checkpoint, compiler](const ComponentRequest& request) {
    return compile_component(*compiler, *checkpoint, request);
  };
  return *Session::open(std::move(source), "cpu", threads);
}

int divided(const runtime::Plan& plan) {
  int count = 0;
  for (const auto& stage : plan.launches)
    count += static_cast<int>(std::ranges::count_if(stage, [](const runtime::PlanLaunch& launch) {
      return launch.schedule.find("k_parts=") != std::string::npos;
    }));
  return count;
}

// Random inputs of a layer alone, of so many rows.
NamedValues inputs_of(const runtime::Plan& plan) {
  NamedValues inputs;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const runtime::PlanTensor& input : plan.inputs) {
    Tensor tensor(input.dtype, input.shape);
    for (float& x : tensor.as<float>()) x = normal(random);
    inputs.emplace_back(input.name, std::move(tensor));
  }
  return inputs;
}

ComponentRequest layer(const std::string& name, int64_t rows) {
  return {
      .component = "unet", .batch = rows, .height = 16, .width = 16, .tokens = 77, .layer = name};
}

Tensor run(Session& session, const ComponentRequest& request, const NamedValues& inputs) {
  const Result<ComponentRun> run = run_component(session, {request, inputs});
  EXPECT_TRUE(run.ok()) << run.error().message;
  return run->outputs.at(0).second;
}

NamedValues first_rows(NamedValues inputs, int64_t rows) {
  for (auto& [name, tensor] : inputs) {
    const size_t row = tensor.data.size() / static_cast<size_t>(tensor.shape[0]);
    tensor.shape[0] = rows;
    tensor.data.resize(row * static_cast<size_t>(rows));
  }
  return inputs;
}

double relative_error(const Tensor& got, const Tensor& want) {
  double error = 0, size = 0;
  for (int64_t i = 0; i < want.size(); ++i) {
    error += std::pow(got.as<float>()[i] - want.as<float>()[i], 2);
    size += std::pow(want.as<float>()[i], 2);
  }
  return std::sqrt(error / size);
}

void check(const std::string& name) {
  SCOPED_TRACE(name);
  const ComponentRequest two = layer(name, 2), four = layer(name, 4);
  const auto one = open_unet(1, 1), many = open_unet(64, 1);
  EXPECT_EQ(divided((*one->compiled(two))->plan), 0);
  EXPECT_GT(divided((*many->compiled(two))->plan), 0);

  const NamedValues of_four = inputs_of((*many->compiled(four))->plan);
  const NamedValues of_two = first_rows(of_four, 2);
  const Tensor want = run(*many, two, of_two);
  EXPECT_LT(relative_error(want, run(*one, two, of_two)), 1e-5);
  EXPECT_EQ(run(*open_unet(64, 3), two, of_two).data, want.data) << "on 3 threads";
  Tensor batch = run(*many, four, of_four);
  batch.data.resize(want.data.size());
  EXPECT_EQ(batch.data, want.data) << "in a batch of four";
}

TEST(ManyCores, DivideSumsWithTheSameBitsOnAnyThreadsAndInAnyBatch) {
  check("up_blocks.1.resnets.0.conv1");
  check("up_blocks.2.attentions.0.transformer_blocks.0.ff.net.2");
}

}  // namespace
}  // namespace tempera::api
