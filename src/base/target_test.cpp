#include "base/target.h"

#include <gtest/gtest.h>

namespace tempera {
namespace {

TEST(Target, KeyTellsTargetsApartThatGenerateDifferentCode) {
  const Target plain;
  EXPECT_EQ(key(plain), key(Target{}));
  Target wider = plain;
  wider.vector_bytes = 64;
  EXPECT_NE(key(plain), key(wider));
  Target half = plain;
  half.has_f16_arithmetic = true;
  EXPECT_NE(key(plain), key(half));
  Target other_cpu = plain;
  other_cpu.cpu = "x86-64-v3";
  EXPECT_NE(key(plain), key(other_cpu));
}

}  // namespace
}  // namespace tempera
