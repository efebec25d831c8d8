#include "api/compile/peak.h"

#include <gtest/gtest.h>

#include "api/compile/backends.h"
#include "test/temp_folder.h"

namespace tempera::api {
namespace {

Target host() { return backend_table().front().target("native").value(); }

TEST(Peaks, AreThoseOfTheTargetsArithmetic) {
  Target target = host();
  target.has_bf16_dot = false;
  const Result<Peaks> peaks = measure_peaks(target, DiskCache(""));
  ASSERT_TRUE(peaks.ok()) << peaks.error().message;
  EXPECT_GT(peaks->f32_fma, 0.1);
  EXPECT_GT(peaks->bytes, 0.01);
  EXPECT_EQ(peaks->bf16_dot, 0);
  EXPECT_EQ(peaks->i8_dot > 0, target.has_i8_dot);
  EXPECT_EQ(peaks->gflops(DType::bf16), peaks->f32_fma) << "bf16 is widened then";
}

TEST(Peaks, AreMeasuredOnceForATargetAndNumberOfThreads) {
  const test::TempFolder folder;
  const DiskCache cache(folder.path());
  const Result<Peaks> first = measure_peaks(host(), cache);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(measure_peaks(host(), cache)->f32_fma, first->f32_fma) << "two runs never agree so";
  EXPECT_EQ(measure_peaks(host(), cache, 2)->threads, 2);
}

}  // namespace
}  // namespace tempera::api
