#include "backend/cpu/codegen/host.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tempera::cpu {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

TEST(Host, DescribesThisMachineTheSameEachTime) {
  const Target target = host_target();
  EXPECT_EQ(key(target), key(*target_from_flag("native")));
  EXPECT_FALSE(target.cpu.empty());
  EXPECT_GE(target.l2_bytes, target.l1_bytes);
  EXPECT_GE(target.cores, 1);
}

TEST(TargetFromFlag, LevelsDifferInVectorsAndFeatures) {
  const struct {
    const char* flag;
    int64_t bytes, registers;
  } rows[] = {{"x86-64-v2", 16, 16},
              {"x86-64-v3", 32, 16},
              {"x86-64-v4", 64, 32},
              {"haswell", 32, 16},
              {"aarch64:cortex-a76", 16, 32}};
  for (const auto& row : rows) {
    const Target target = *target_from_flag(row.flag);
    EXPECT_EQ(target.vector_bytes, row.bytes) << row.flag;
    EXPECT_EQ(target.vector_registers, row.registers) << row.flag;
  }
  EXPECT_TRUE(target_from_flag("aarch64:cortex-a76")->has_f16_arithmetic);
  EXPECT_FALSE(target_from_flag("x86-64-v4")->has_bf16_dot);
}

TEST(TargetFromFlag, RefusesWhatItDoesNotKnow) {
  const Result<Target> typo = target_from_flag("x86-64-v5");
  ASSERT_FALSE(typo.ok());
  EXPECT_EQ(typo.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(typo.error().message.find("x86-64-v4"), std::string::npos) << typo.error().message;
  EXPECT_EQ(target_from_flag("x86-64").error().code, ErrorCode::unsupported);
  EXPECT_EQ(target_from_flag("sparc:v9").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(target_from_flag("").error().code, ErrorCode::invalid_argument);
}

TEST(RequiredFeatures, AreThoseOfTheLevel) {
  const std::vector<std::string> v2 = *required_features(*target_from_flag("x86-64-v2"));
  EXPECT_TRUE(contains(v2, "sse4.2") && contains(v2, "popcnt"));
  EXPECT_FALSE(contains(v2, "avx"));
  const std::vector<std::string> v4 = *required_features(*target_from_flag("x86-64-v4"));
  EXPECT_TRUE(contains(v4, "avx512bw") && contains(v4, "avx512vl") && contains(v4, "fma"));
  EXPECT_FALSE(contains(v4, "avx512bf16"));
}

TEST(RequiredFeatures, HaveThoseOfMatricesWhereTheTargetHasSome) {
  Target target = *target_from_flag("sapphirerapids");
  EXPECT_TRUE(contains(*required_features(target), "amx-bf16"));
  target.bf16_matrices = {};
  const std::vector<std::string> vectors = *required_features(target);
  EXPECT_TRUE(contains(vectors, "avx512fp16"));
  EXPECT_FALSE(contains(vectors, "amx-bf16") || contains(vectors, "amx-tile"));
}

}  // namespace
}  // namespace tempera::cpu
