#include "base/hash.h"

#include <gtest/gtest.h>

namespace tempera {
namespace {

// Published FNV-1a values: a stored cache must stay valid.
TEST(Hash, GivesThePublishedValues) {
  EXPECT_EQ(hash64(""), 0xcbf29ce484222325u);
  EXPECT_EQ(hash64("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(hash64("foobar"), 0x85944171f73967e8u);
  EXPECT_EQ(hash128_hex(""), "6c62272e07bb014262b821756295c58d");
  EXPECT_EQ(hash128_hex("a"), "d228cb696f1a8caf78912b704e4a8964");
  EXPECT_EQ(hash128_hex("foobar"), "343e1662793c64bf6f0d3597ba446f18");
}

TEST(Hash, TakesBytesAboveSevenBitsAsUnsigned) { EXPECT_EQ(hash64("\xff"), 0xaf64724c8602eb6eu); }

}  // namespace
}  // namespace tempera
