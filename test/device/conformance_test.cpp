#include <gtest/gtest.h>

#include <numeric>

#include "runtime/executor.h"
#include "runtime/plan_for_test.h"
#include "test/device/loaded_device.h"

namespace tempera {
namespace {

using runtime::BufferSlice;
using runtime::Launch;
using runtime::PlanKernel;
using Floats = std::vector<float>;

class Conformance : public testing::TestWithParam<const char*> {
 protected:
  runtime::Device& device() { return *loaded.device; }
  std::unique_ptr<runtime::Buffer> buffer(Floats values) {
    return make_buffer(device(), std::move(values));
  }
  void run(const std::vector<Launch>& launches) {
    auto list = device().prepare(*loaded.module, launches);
    ASSERT_TRUE(list.ok()) << list.error().message;
    EXPECT_EQ((*list)->size(), static_cast<int64_t>(launches.size()));
    ASSERT_TRUE(device().submit(**list).ok());
    ASSERT_TRUE(device().wait().ok());
  }
  void expect(runtime::Buffer& buffer, const Floats& values) {
    if (!loaded.computes) return;
    EXPECT_EQ(floats_in(device(), buffer), values);
  }

  LoadedDevice loaded = load_device(GetParam());
  const PlanKernel twice{"twice", 4, 0};
  const PlanKernel add{"add", 4, 0};
};

INSTANTIATE_TEST_SUITE_P(Devices, Conformance,
                         testing::Values("cpu", "cpu_compiled", "interpreter", "null"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(Conformance, BuffersHoldWhatIsUploaded) {
  const auto b = buffer({1, 2, 3, 4});
  const Floats five = {5};
  ASSERT_TRUE(device().upload({b.get(), 8}, std::as_bytes(std::span(five))).ok());
  EXPECT_EQ(floats_in(device(), *b), (Floats{1, 2, 5, 4}));
  Floats last(1);
  ASSERT_TRUE(device().download({b.get(), 12}, std::as_writable_bytes(std::span(last))).ok());
  EXPECT_EQ(last, Floats{4});
}

TEST_P(Conformance, BuffersMayBeEmptyOrLarge) {
  const auto empty = device().allocate(0);
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ((*empty)->size(), 0);
  const auto large = device().allocate((int64_t{9} << 20) + 3);
  ASSERT_TRUE(large.ok());
  EXPECT_EQ((*large)->size(), (int64_t{9} << 20) + 3);
  const Floats one = {1};
  EXPECT_TRUE(
      device().upload({large->get(), 9 << 20}, std::as_bytes(std::span(one)).first(3)).ok());
}

TEST_P(Conformance, TooLargeABufferIsAnError) {
  const auto buffer = device().allocate(int64_t{1} << 47);
  ASSERT_FALSE(buffer.ok());
  EXPECT_EQ(buffer.error().code, ErrorCode::resource_exhausted);
}

TEST_P(Conformance, LaunchesSeeWhatEarlierOnesWrote) {
  const auto a = buffer({1, 2, 3, 4}), b = buffer(Floats(4)), c = buffer(Floats(4));
  run({{&twice, {{a.get()}, {b.get()}}},
       {&twice, {{b.get()}, {c.get()}}},
       {&add, {{b.get()}, {c.get()}, {a.get()}}}});
  expect(*a, {6, 12, 18, 24});
}

TEST_P(Conformance, ParametersStartAtTheirOffsets) {
  const auto in = buffer({0, 0, 0, 0, 1, 2, 3, 4});
  const auto out = buffer({9, 9, 9, 9, 9, 9, 9, 9});
  run({{&twice, {{in.get(), 16}, {out.get(), 8}}}});
  expect(*out, {9, 9, 2, 4, 6, 8, 9, 9});
}

TEST_P(Conformance, AListRunsAnyNumberOfTimes) {
  const auto a = buffer({1, 2, 3, 4}), sum = buffer(Floats(4));
  const Launch launch{&add, {{a.get()}, {sum.get()}, {sum.get()}}};
  auto list = std::move(device().prepare(*loaded.module, {&launch, 1})).value();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(device().submit(*list).ok());
  expect(*sum, {5, 10, 15, 20});
}

TEST_P(Conformance, KernelsReadWrappedHostMemory) {
  const Floats values = {1, 2, 3, 4};
  auto in = device().wrap(std::as_bytes(std::span(values)));
  ASSERT_TRUE(in.ok());
  EXPECT_EQ((*in)->size(), 16);
  const auto out = buffer(Floats(4));
  run({{&twice, {{in->get()}, {out.get()}}}});
  expect(*out, {2, 4, 6, 8});
}

TEST_P(Conformance, WorkgroupMemoryBelongsToOneIteration) {
  Floats values(80), reversed(80);
  std::iota(values.begin(), values.end(), 0.0f);
  for (int i = 0; i < 80; ++i) reversed[i] = static_cast<float>(i / 8 * 8 + 7 - i % 8);
  const PlanKernel reverse_rows{"reverse_rows", 10, 32};
  const auto in = buffer(values), out = buffer(Floats(80));
  run({{&reverse_rows, {{in.get()}, {out.get()}}}});
  expect(*out, reversed);
}

TEST_P(Conformance, AnEmptyGridRunsNothing) {
  const PlanKernel none{"twice", 0, 0};
  const auto a = buffer({1, 2, 3, 4}), b = buffer({5, 6, 7, 8});
  run({{&none, {{a.get()}, {b.get()}}}});
  EXPECT_EQ(floats_in(device(), *b), (Floats{5, 6, 7, 8}));
}

TEST_P(Conformance, ReportsATimeForEachLaunch) {
  const auto a = buffer({1, 2, 3, 4}), b = buffer(Floats(4));
  const std::vector<Launch> launches(3, {&twice, {{a.get()}, {b.get()}}});
  auto list = std::move(device().prepare(*loaded.module, launches)).value();
  runtime::LaunchTimes times(3, device().thread_count());
  ASSERT_TRUE(device().submit(*list, &times).ok());
  for (const runtime::Interval& time : times.launches) {
    EXPECT_GE(time.seconds(), 0);
    EXPECT_LT(time.seconds(), 10);
  }
  EXPECT_LE(times.launches[0].end, times.launches[1].begin);
  for (size_t i = 0; i < times.workers.size(); ++i) {
    const runtime::Interval& launch = times.launches[i / device().thread_count()];
    if (times.workers[i].end == 0) continue;
    EXPECT_LE(launch.begin, times.workers[i].begin);
    EXPECT_LE(times.workers[i].end, launch.end);
  }
  expect(*b, {2, 4, 6, 8});
}

TEST_P(Conformance, AMissingKernelIsNamed) {
  if (!loaded.computes) GTEST_SKIP() << "the null device has every kernel";
  const PlanKernel gone{"gone", 4, 0};
  const Launch launch{&gone, {}};
  const auto list = device().prepare(*loaded.module, {&launch, 1});
  ASSERT_FALSE(list.ok());
  EXPECT_EQ(list.error().code, ErrorCode::not_found);
  EXPECT_NE(list.error().message.find("'gone'"), std::string::npos) << list.error().message;
}

TEST_P(Conformance, BytesThatAreNoCodeAreRefused) {
  if (!loaded.computes) GTEST_SKIP() << "the null device loads anything";
  const std::string text = "this is no code at all, whatever the device, and longer than a header";
  const auto module = device().load_module({"", std::as_bytes(std::span(text))});
  ASSERT_FALSE(module.ok());
  EXPECT_EQ(module.error().code, ErrorCode::data_loss);
}

TEST_P(Conformance, RunsAPlan) {
  runtime::WeightStore weights;
  weights.add("conv.weight", stored(Tensor::of<float>(DType::f32, {4}, {1, 2, 3, 4})));
  weights.add("conv.bias", stored(Tensor::of<float>(DType::f32, {4}, {10, 20, 30, 40})));
  auto created =
      runtime::Executor::create(device(), *loaded.module, runtime::small_plan(), weights);
  ASSERT_TRUE(created.ok()) << created.error().message;
  runtime::Executor& executor = **created;
  const Floats sample = {1, 2, 3, 4}, prompt = {1, 1, 1, 1}, want = {13, 31, 53, 79};
  ASSERT_TRUE(executor.set_input(0, std::as_bytes(std::span(sample))).ok());
  ASSERT_TRUE(executor.set_input(1, std::as_bytes(std::span(prompt))).ok());
  ASSERT_TRUE(executor.run(runtime::Stage::step).ok());
  const auto total = executor.output_bytes(1);
  ASSERT_TRUE(total.ok());
  ASSERT_EQ(total->size(), 16u);
  EXPECT_TRUE(!loaded.computes || std::ranges::equal(*total, std::as_bytes(std::span(want))));
}

}  // namespace
}  // namespace tempera
