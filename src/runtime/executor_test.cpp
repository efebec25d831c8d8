#include "runtime/executor.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/count_allocations_for_test.h"
#include "runtime/device_for_test.h"
#include "runtime/plan_for_test.h"
#include "tensor_file/safetensors.h"

namespace tempera::runtime {
namespace {

using Floats = std::vector<float>;
using Symbols = std::vector<std::string>;

std::span<const std::byte> bytes(const Floats& values) { return std::as_bytes(std::span(values)); }

Tensor tensor(const Floats& values) {
  return Tensor::of(DType::f32, {static_cast<int64_t>(values.size())}, values);
}

class ExecutorTest : public testing::Test {
 protected:
  void SetUp() override {
    weights.add("conv.weight", stored(tensor({1, 2, 3, 4})));
    weights.add("conv.bias", stored(tensor({10, 20, 30, 40})));
    weights.add("unused", stored(tensor({0})));
  }

  Result<std::unique_ptr<Executor>> create(Plan plan = small_plan()) {
    return Executor::create(device, module, std::move(plan), weights);
  }
  std::unique_ptr<Executor> create_or_fail() {
    auto executor = create();
    EXPECT_TRUE(executor.ok());
    return std::move(executor).value();
  }
  void set(Executor& executor, std::string_view name, const Floats& values) {
    ASSERT_TRUE(executor.set_input(*executor.input(name), bytes(values)).ok());
  }
  Floats get(Executor& executor, std::string_view name) {
    const auto result = executor.output_bytes(*executor.output(name));
    const auto* data = reinterpret_cast<const float*>(result->data());
    return {data, data + result->size() / sizeof(float)};
  }
  Symbols take_ran() { return std::exchange(device.ran, {}); }

  DeviceForTest device;
  Module module;
  WeightStore weights;
};

TEST_F(ExecutorTest, ComputesThePlan) {
  const auto executor = create_or_fail();
  set(*executor, "sample", {1, 2, 3, 4});
  set(*executor, "prompt", {1, 1, 1, 1});
  ASSERT_TRUE(executor->run(Stage::step).ok());
  EXPECT_EQ(get(*executor, "result"), (Floats{13, 30, 51, 76}));
  EXPECT_EQ(get(*executor, "total"), (Floats{13, 31, 53, 79}));
}

TEST_F(ExecutorTest, RunsEarlierStagesOnlyWhenTheyAreStale) {
  const auto executor = create_or_fail();
  set(*executor, "sample", {1, 2, 3, 4});
  set(*executor, "prompt", {1, 1, 1, 1});
  ASSERT_TRUE(executor->run(Stage::step).ok());
  EXPECT_EQ(take_ran(), (Symbols{"twice", "add", "multiply", "add", "add"}));
  set(*executor, "sample", {0, 0, 0, 1});
  ASSERT_TRUE(executor->run(Stage::step).ok());
  EXPECT_EQ(take_ran(), (Symbols{"multiply", "add", "add"}));
  set(*executor, "prompt", {0, 0, 0, 2});
  ASSERT_TRUE(executor->run(Stage::step).ok());
  EXPECT_EQ(take_ran(), (Symbols{"add", "multiply", "add", "add"}));
  EXPECT_EQ(get(*executor, "result"), (Floats{10, 20, 30, 50}));
  ASSERT_TRUE(executor->run(Stage::prompt).ok());
  EXPECT_EQ(take_ran(), (Symbols{"add"}));
}

TEST_F(ExecutorTest, PlansOverOneStoreShareWhatIsPacked) {
  const auto first = create_or_fail();
  ASSERT_TRUE(first->run_setup().ok());
  EXPECT_EQ(take_ran(), Symbols{"twice"});
  const auto second = create_or_fail();
  ASSERT_TRUE(second->run_setup().ok());
  EXPECT_EQ(take_ran(), Symbols{});
  set(*second, "sample", {1, 2, 3, 4});
  set(*second, "prompt", {1, 1, 1, 1});
  ASSERT_TRUE(second->run(Stage::step).ok());
  EXPECT_EQ(get(*second, "result"), (Floats{13, 30, 51, 76}));
  EXPECT_EQ(weights.packed_bytes(), 16);
}

TEST_F(ExecutorTest, PacksOnlyWhatAnotherPlanDidNot) {
  ASSERT_TRUE(create_or_fail()->run_setup().ok());
  take_ran();
  Plan larger = small_plan();
  larger.packed.push_back({"four times", 16});
  larger.launches[0].push_back({0, {{Region::packed, 0, 0}, {Region::packed, 1, 0}}});
  larger.launches[2].push_back({0, {{Region::packed, 1, 0}, {Region::state, 0, 0}}});
  auto executor = create(larger);
  ASSERT_TRUE((*executor)->run_setup().ok());
  EXPECT_EQ(take_ran(), Symbols{"twice"});
}

TEST_F(ExecutorTest, HandsTensorsFromOneSetupLaunchToAnotherAndKeepsThemNot) {
  Plan plan = small_plan();
  plan.packed = {{"four times", 16}, {"twice", 16}};
  plan.launches[0] = {{0, {{Region::weight, 0, 0}, {Region::packed, 1, 0}}},
                      {0, {{Region::packed, 1, 0}, {Region::packed, 0, 0}}}};
  const auto executor = std::move(create(plan)).value();
  set(*executor, "sample", {1, 1, 1, 1});
  set(*executor, "prompt", {0, 0, 0, 0});
  ASSERT_TRUE(executor->run(Stage::step).ok());
  EXPECT_EQ(get(*executor, "result"), (Floats{14, 28, 42, 56}));
  EXPECT_EQ(weights.packed_bytes(), 16);
  take_ran();
  ASSERT_TRUE(std::move(create(plan)).value()->run_setup().ok());
  EXPECT_EQ(take_ran(), Symbols{});
}

TEST_F(ExecutorTest, AStepAllocatesNothing) {
  const auto executor = create_or_fail();
  const int sample = *executor->input("sample");
  const int result = *executor->output("result");
  const Floats values = {1, 2, 3, 4};
  set(*executor, "prompt", {1, 1, 1, 1});
  set(*executor, "sample", values);
  ASSERT_TRUE(executor->run(Stage::step).ok());
  counting_allocations = true;
  for (int i = 0; i < 10; ++i) {
    const bool ok = executor->set_input(sample, bytes(values)).ok() &&
                    executor->run(Stage::step).ok() && executor->output_bytes(result).ok();
    ASSERT_TRUE(ok);
  }
  counting_allocations = false;
  EXPECT_EQ(allocations, 0);
}

TEST_F(ExecutorTest, RefusesWeightsThatAreNotThePlans) {
  Plan plan = small_plan();
  plan.weights[0].name = "gone.weight";
  EXPECT_EQ(create(plan).error().message,
            "memory: tensor 'gone.weight' is missing; this plan was compiled for another model");
  EXPECT_EQ(create(plan).error().code, ErrorCode::not_found);
  plan = small_plan();
  plan.weights[1].shape = {2, 2};
  EXPECT_EQ(create(plan).error().message,
            "memory: tensor 'conv.bias' has shape [4], but the plan was compiled for [2, 2]; "
            "compile again");
  plan = small_plan();
  plan.weights[1].dtype = DType::f16;
  EXPECT_EQ(create(plan).error().message,
            "memory: tensor 'conv.bias' is f32, but the plan was compiled for f16; compile again");
}

TEST_F(ExecutorTest, RefusesInputsOfAnotherSizeAndNamesThatDoNotExist) {
  const auto executor = create_or_fail();
  EXPECT_EQ(executor->set_input(0, bytes({1, 2, 3})).error().message,
            "input 'sample' of unet has 12 bytes, but its f32 [4] takes 16");
  EXPECT_EQ(executor->input("latent").error().message,
            "unet has no input 'latent'; it has sample, prompt");
  EXPECT_EQ(executor->output("sample").error().message,
            "unet has no output 'sample'; it has result, total");
}

TEST_F(ExecutorTest, RefusesToRunWithoutAnInput) {
  const auto executor = create_or_fail();
  set(*executor, "sample", {1, 2, 3, 4});
  EXPECT_EQ(executor->run(Stage::step).error().message, "input 'prompt' of unet was not given");
  set(*executor, "prompt", {1, 2, 3, 4});
  EXPECT_TRUE(executor->run(Stage::step).ok());
}

TEST_F(ExecutorTest, RefusesAModuleWithoutTheKernel) {
  Plan plan = small_plan();
  plan.kernels[1].symbol = "missing";
  EXPECT_EQ(create(plan).error().code, ErrorCode::not_found);
}

TEST_F(ExecutorTest, ProfilesEachLaunch) {
  Profiler profiler;
  const auto executor = create_or_fail();
  executor->set_profiler(&profiler);
  set(*executor, "sample", {1, 2, 3, 4});
  set(*executor, "prompt", {1, 1, 1, 1});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(executor->run(Stage::step).ok());
  executor->set_profiler(nullptr);
  ASSERT_TRUE(executor->run(Stage::step).ok());
  ASSERT_EQ(profiler.launches().size(), 5u);
  const LaunchProfile& multiply = profiler.launches()[2];
  EXPECT_EQ(multiply.symbol, "multiply");
  EXPECT_EQ(multiply.component, "unet");
  EXPECT_EQ(multiply.runs, 3);
  EXPECT_DOUBLE_EQ(multiply.seconds, 1.5);
  EXPECT_EQ(profiler.launches()[0].runs, 1);
  EXPECT_NE(profile_table(profiler.launches()).find("unet/step"), std::string::npos);
}

// The tensors of a file lie at any place; the device refuses to bind one that is not aligned.
TEST_F(ExecutorTest, StopsWhilePackingAndPacksWhenAskedAgain) {
  auto executor = create_or_fail();
  executor->set_keep_going([] { return false; });
  const Status stopped = executor->run_setup();
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  executor->set_keep_going({});
  EXPECT_TRUE(executor->run_setup().ok());
}

TEST_F(ExecutorTest, ReadsWeightsFromAFile) {
  const std::string path = testing::TempDir() + "/executor_weights.safetensors";
  const Tensor odd = Tensor::of<uint8_t>(DType::u8, {1}, {7});
  const Tensor weight = tensor({1, 2, 3, 4}), bias = tensor({10, 20, 30, 40});
  ASSERT_TRUE(write_safetensors(
                  path, {view("a", odd), view("conv.weight", weight), view("conv.bias", bias)})
                  .ok());
  WeightStore from_file;
  from_file.add(TensorFile::open(path)->tensors());
  auto executor = Executor::create(device, module, small_plan(), from_file);
  ASSERT_TRUE(executor.ok()) << executor.error().message;
  set(**executor, "sample", {1, 2, 3, 4});
  set(**executor, "prompt", {1, 1, 1, 1});
  ASSERT_TRUE((*executor)->run(Stage::step).ok());
  EXPECT_EQ(get(**executor, "result"), (Floats{13, 30, 51, 76}));
  std::filesystem::remove(path);
}

TEST_F(ExecutorTest, ComputesWeightsWhenTheyAreNeeded) {
  int computed = 0;
  StoredTensor weight{.dtype = DType::f32, .shape = {4}, .compute = [&]() -> Result<Tensor> {
                        ++computed;
                        return tensor({1, 2, 3, 4});
                      }};
  WeightStore store;
  store.add("conv.weight", weight);
  store.add("conv.bias", stored(tensor({10, 20, 30, 40})));
  auto executor = Executor::create(device, module, small_plan(), store);
  ASSERT_TRUE(executor.ok()) << executor.error().message;
  set(**executor, "sample", {1, 2, 3, 4});
  set(**executor, "prompt", {1, 1, 1, 1});
  ASSERT_TRUE((*executor)->run(Stage::step).ok());
  EXPECT_EQ(get(**executor, "result"), (Floats{13, 30, 51, 76}));
  EXPECT_EQ(computed, 1);
  EXPECT_TRUE(store.find("conv.weight")->computed.expired());
}

TEST_F(ExecutorTest, PassesOnWhyAWeightCannotBeComputed) {
  WeightStore store;
  store.add("conv.weight", {.dtype = DType::f32, .shape = {4}, .compute = []() -> Result<Tensor> {
                              return error(ErrorCode::data_loss, "no such rank");
                            }});
  store.add("conv.bias", stored(tensor({10, 20, 30, 40})));
  auto executor = Executor::create(device, module, small_plan(), store);
  const Status status = executor.ok() ? (*executor)->run_setup() : Status(executor.error());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "no such rank");
}

TEST_F(ExecutorTest, FailsWhenThereIsNotEnoughMemory) {
  Plan plan = small_plan();
  plan.arena_bytes = int64_t{1} << 47;
  const auto executor = create(plan);
  ASSERT_FALSE(executor.ok());
  EXPECT_EQ(executor.error().code, ErrorCode::resource_exhausted);
  EXPECT_EQ(executor.error().message,
            "cannot allocate 134217728.0 MiB of memory; try a smaller size or batch");
}

}  // namespace
}  // namespace tempera::runtime
