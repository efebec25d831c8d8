#include "api/run/component.h"

#include <gtest/gtest.h>

namespace tempera::api {
namespace {

TEST(Glob, StarCrossesDots) {
  EXPECT_TRUE(glob_matches("down_blocks.0.*", "down_blocks.0.resnets.0.conv1"));
  EXPECT_TRUE(glob_matches("*conv1", "down_blocks.0.resnets.0.conv1"));
  EXPECT_TRUE(glob_matches("d*.0.*.c*1", "down_blocks.0.resnets.0.conv1"));
  EXPECT_TRUE(glob_matches("*", ""));
}

TEST(Glob, FitsTheWholeText) {
  EXPECT_FALSE(glob_matches("down_blocks.0", "down_blocks.0.resnets"));
  EXPECT_FALSE(glob_matches("*.conv", "a.conv1"));
  EXPECT_FALSE(glob_matches("", "a"));
}

TEST(Glob, QuestionMarkIsOneCharacter) {
  EXPECT_TRUE(glob_matches("hidden_state.?", "hidden_state.2"));
  EXPECT_FALSE(glob_matches("hidden_state.?", "hidden_state.12"));
}

TEST(Glob, ManyStarsTakeNoExponentialTime) {
  EXPECT_FALSE(glob_matches("*a*a*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

}  // namespace
}  // namespace tempera::api
