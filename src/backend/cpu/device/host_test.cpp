#include "backend/cpu/device/host.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace tempera::cpu {
namespace {

runtime::ArtifactTarget target(std::string triple, std::vector<std::string> features) {
  return {"cpu", std::move(triple), "x86-64-v4", std::move(features)};
}

TEST(CheckHost, AcceptsCodeThatTheHostRuns) {
  EXPECT_TRUE(
      check_host(target("x86_64-unknown-linux-gnu", {"avx2"}), "x86_64", {"avx2", "fma"}).ok());
  EXPECT_TRUE(
      check_host(target(std::string(host_architecture()) + "-linux", host_features())).ok());
}

TEST(CheckHost, NamesTheFeaturesThatAreMissing) {
  const Status status =
      check_host(target("x86_64-unknown-linux-gnu", {"avx2", "avx512f", "avx512vl"}), "x86_64",
                 {"avx2", "fma"});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::unsupported);
  EXPECT_EQ(status.error().message,
            "the code was compiled for 'x86-64-v4' and needs 'avx512f', 'avx512vl', which this "
            "processor or system does not have; compile it with --cpu native");
}

TEST(CheckHost, RefusesAnotherArchitecture) {
  const Status status = check_host(target("aarch64-unknown-linux-gnu", {}), "x86_64", {});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message,
            "the code was compiled for 'aarch64' and cannot run on this x86_64; compile it with "
            "--cpu native");
  EXPECT_FALSE(check_host(target("", {}), "x86_64", {}).ok());
}

#if defined(__x86_64__)
// The kernel's own reading of CPUID, under its own names.
TEST(HostFeatures, AreThoseThatTheSystemReports) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line) && !line.starts_with("flags")) {
  }
  if (line.empty()) GTEST_SKIP() << "no /proc/cpuinfo";
  std::istringstream words(line);
  const std::vector<std::string> flags{std::istream_iterator<std::string>(words), {}};
  const std::pair<const char*, const char*> names[] = {
      {"sse4.2", "sse4_2"},
      {"popcnt", "popcnt"},
      {"avx", "avx"},
      {"f16c", "f16c"},
      {"fma", "fma"},
      {"avx2", "avx2"},
      {"bmi2", "bmi2"},
      {"avx512f", "avx512f"},
      {"avx512bw", "avx512bw"},
      {"avx512dq", "avx512dq"},
      {"avx512vl", "avx512vl"},
      {"avx512vnni", "avx512_vnni"},
      {"avx512bf16", "avx512_bf16"},
      {"avx512fp16", "avx512_fp16"},
      {"avxvnni", "avx_vnni"},
      {"amx-tile", "amx_tile"},
  };
  for (const auto& [ours, theirs] : names) {
    const bool reported = std::ranges::find(flags, theirs) != flags.end();
    const bool found = std::ranges::find(host_features(), ours) != host_features().end();
    EXPECT_EQ(found, reported) << ours;
  }
}
#endif

}  // namespace
}  // namespace tempera::cpu
