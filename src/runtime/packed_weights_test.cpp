#include "runtime/packed_weights.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/device_for_test.h"
#include "runtime/executor.h"
#include "runtime/plan_for_test.h"

namespace tempera::runtime {
namespace {

class PackedWeightsTest : public testing::Test {
 protected:
  void SetUp() override {
    path = testing::TempDir() + "/packed_weights_test_" +
           testing::UnitTest::GetInstance()->current_test_info()->name() + ".safetensors";
    WeightStore raw;
    raw.add("conv.weight", stored(Tensor::of<float>(DType::f32, {4}, {1, 2, 3, 4})));
    raw.add("conv.bias", stored(Tensor::of<float>(DType::f32, {4}, {10, 20, 30, 40})));
    const Plan* plans[] = {&plan};
    const Status written = write_packed_weights(path, device, module, plans, raw);
    ASSERT_TRUE(written.ok()) << written.error().message;
    device.ran.clear();
  }
  void TearDown() override { std::filesystem::remove(path); }

  WeightStore packed_store() const {
    WeightStore store;
    const auto weights = read_packed_weights(path);
    EXPECT_TRUE(weights.ok());
    store.add(weights->stored);
    store.add_packed(weights->packed);
    return store;
  }

  std::string path;
  Plan plan = small_plan();
  DeviceForTest device;
  Module module;
};

TEST_F(PackedWeightsTest, RunsWithoutSetupAndWithoutTheWeightsThatOnlySetupReads) {
  WeightStore store = packed_store();
  EXPECT_EQ(store.find("conv.weight"), nullptr);
  auto executor = Executor::create(device, module, plan, store);
  ASSERT_TRUE(executor.ok()) << executor.error().message;
  const std::vector<float> ones(4, 1);
  for (const int input : {0, 1})
    ASSERT_TRUE((*executor)->set_input(input, std::as_bytes(std::span(ones))).ok());
  ASSERT_TRUE((*executor)->run(Stage::step).ok());
  EXPECT_EQ(device.ran, (std::vector<std::string>{"add", "multiply", "add", "add"}));
  const auto bytes = (*executor)->output_bytes(0);
  ASSERT_TRUE(bytes.ok());
  const auto* result = reinterpret_cast<const float*>(bytes->data());
  for (int i = 0; i < 4; ++i) {
    const auto w = static_cast<float>(i + 1);
    EXPECT_EQ(result[i], (1 + 2 * w) + 10 * w);
  }
}

TEST_F(PackedWeightsTest, RefusesAPlanWhosePackedTensorsItDoesNotHold) {
  WeightStore store = packed_store();
  plan.packed[0].key = "another";
  const auto executor = Executor::create(device, module, plan, store);
  ASSERT_FALSE(executor.ok());
  EXPECT_EQ(executor.error().code, ErrorCode::data_loss);
  EXPECT_EQ(executor.error().message,
            path +
                ": the packed weight another is missing; the file belongs to other plans, "
                "compile again");
}

TEST_F(PackedWeightsTest, RefusesAPlanThatTakesMoreBytes) {
  WeightStore store = packed_store();
  plan.packed[0].bytes = 32;
  const auto executor = Executor::create(device, module, plan, store);
  ASSERT_FALSE(executor.ok());
  EXPECT_EQ(executor.error().code, ErrorCode::data_loss);
}

TEST_F(PackedWeightsTest, RefusesAPlanThatReadsAWeightWhichItDoesNotHold) {
  WeightStore store = packed_store();
  plan.weights.push_back({"conv.scale", DType::f32, {4}, Stage::setup});
  plan.launches[3][0].bindings[0] = {Region::weight, 2, 0};
  const auto executor = Executor::create(device, module, plan, store);
  ASSERT_FALSE(executor.ok());
  EXPECT_EQ(executor.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace tempera::runtime
