#include "backend/cpu/device/cpu_device.h"

#include <gtest/gtest.h>

#include "backend/cpu/device/host.h"
#include "base/file.h"
#include "runtime/count_allocations_for_test.h"
#include "test/device/compiled_kernels.h"
#include "test/device/loaded_device.h"

namespace tempera {
namespace {

using runtime::Launch;
using runtime::PlanKernel;

const PlanKernel kRecurrence{"recurrence", 1001, 0};

std::vector<float> recurrence_with(int threads) {
  LoadedDevice cpu = load_cpu(threads);
  std::vector<float> values(1001);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.1f;
  const auto in = make_buffer(*cpu.device, values);
  const auto out = make_buffer(*cpu.device, std::vector<float>(1001));
  const Launch launch{&kRecurrence, {{in.get()}, {out.get()}}};
  auto list = std::move(cpu.device->prepare(*cpu.module, {&launch, 1})).value();
  EXPECT_EQ(cpu.device->thread_count(), threads);
  EXPECT_TRUE(cpu.device->submit(*list).ok());
  return floats_in(*cpu.device, *out);
}

TEST(CpuDevice, ResultsDoNotDependOnTheNumberOfThreads) {
  const std::vector<float> want = recurrence_with(1);
  for (const int threads : {2, 3, 5}) EXPECT_EQ(recurrence_with(threads), want) << threads;
}

TEST(CpuDevice, SubmittingAllocatesNothing) {
  LoadedDevice cpu = load_cpu(2);
  const auto in = make_buffer(*cpu.device, std::vector<float>(1001));
  const auto out = make_buffer(*cpu.device, std::vector<float>(1001));
  const Launch launch{&kRecurrence, {{in.get()}, {out.get()}}};
  auto list = std::move(cpu.device->prepare(*cpu.module, {&launch, 1})).value();
  ASSERT_TRUE(cpu.device->submit(*list).ok());
  runtime::LaunchTimes times(1, 2);
  counting_allocations = true;
  for (int i = 0; i < 10; ++i) {
    (void)cpu.device->submit(*list);
    (void)cpu.device->submit(*list, &times);
  }
  counting_allocations = false;
  EXPECT_EQ(allocations, 0);
}

TEST(CpuDevice, BuffersAreAlignedAndLargeOnesToHugePages) {
  const auto device = std::move(cpu::create_device(1)).value();
  const auto alignment = [&](int64_t bytes) {
    const auto buffer = std::move(device->allocate(bytes)).value();
    return reinterpret_cast<uintptr_t>(buffer->host_view().data());
  };
  for (const int64_t bytes : {0, 1, 63, 64, 1000, 100000}) EXPECT_EQ(alignment(bytes) % 64, 0u);
  EXPECT_EQ(alignment(int64_t{2} << 20) % (2 << 20), 0u);
  EXPECT_EQ(alignment((int64_t{5} << 20) + 1) % (2 << 20), 0u);
}

// Two libraries that were only in memory are two, also when the first is gone.
TEST(CpuDevice, LoadsCodeFromMemory) {
  const auto device = std::move(cpu::create_device(1)).value();
  const auto file = std::move(MappedFile::open(DEVICE_TEST_KERNELS)).value();
  for (int i = 0; i < 2; ++i) {
    auto first = device->load_module({"", file->bytes()});
    ASSERT_TRUE(first.ok()) << first.error().message;
    auto second = device->load_module({"", file->bytes()});
    ASSERT_TRUE(second.ok()) << second.error().message;
    const Launch launch{&kRecurrence, {}};
    EXPECT_TRUE(device->prepare(**first, {&launch, 1}).ok());
    first->reset();
    EXPECT_TRUE(device->prepare(**second, {&launch, 1}).ok());
  }
}

// The code generator and the device name features alike.
TEST(CpuDevice, AcceptsWhatIsCompiledForThisMachine) {
  const cpu::CodeObject code = compile_kernels_text();
  const Status status = cpu::check_host({"cpu", code.triple, code.cpu, code.required_features});
  EXPECT_TRUE(status.ok()) << status.error().message;
  EXPECT_FALSE(code.required_features.empty());
}

TEST(CpuDevice, RefusesLibrariesForAnotherProcessor) {
  const auto device = std::move(cpu::create_device(1)).value();
  const auto file = std::move(MappedFile::open(DEVICE_TEST_KERNELS)).value();
  std::vector<std::byte> foreign(file->bytes().begin(), file->bytes().end());
  foreign[18] = std::byte{21};  // e_machine: PowerPC
  foreign[19] = std::byte{0};
  const auto module = device->load_module({"", foreign});
  ASSERT_FALSE(module.ok());
  EXPECT_EQ(module.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace tempera
