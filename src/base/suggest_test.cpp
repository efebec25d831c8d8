#include "base/suggest.h"

#include <gtest/gtest.h>

namespace tempera {
namespace {

TEST(EditDistance, CountsEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("steps", "steps"), 0u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("stpes", "steps"), 1u) << "neighbours swapped";
}

TEST(Suggestion, NamesTheNearest) {
  EXPECT_EQ(suggestion("--stpes", {"--seed", "--steps", "--size"}), "; did you mean '--steps'?");
}

TEST(Suggestion, IsSilentWhereNothingIsNear) {
  EXPECT_EQ(suggestion("--frobnicate", {"--seed", "--steps"}), "");
  EXPECT_EQ(suggestion("x", {}), "");
}

}  // namespace
}  // namespace tempera
