#include "cli/generate/picture_names.h"

#include <gtest/gtest.h>

#include "test/temp_folder.h"

namespace tempera::cli {
namespace {

const std::vector<PictureNumbers> kTwo = {{5, 0, 64, 32}, {9, 1, 64, 32}};

TEST(PictureNames, FillFields) {
  EXPECT_EQ(*picture_names("out-{seed}.png", kTwo),
            (std::vector<std::string>{"out-5.png", "out-9.png"}));
  EXPECT_EQ(*picture_names("{index}_{width}x{height}.png", kTwo),
            (std::vector<std::string>{"0_64x32.png", "1_64x32.png"}));
}

TEST(PictureNames, DefaultHoldsTheSeed) {
  EXPECT_EQ(*picture_names("", {{7, 0, 8, 8}}), std::vector<std::string>{"tempera-7.png"});
}

TEST(PictureNames, EqualOnesGetAnIndex) {
  EXPECT_EQ(*picture_names("out.png", kTwo), (std::vector<std::string>{"out-0.png", "out-1.png"}));
  EXPECT_EQ(*picture_names("out.png", {kTwo[0]}), std::vector<std::string>{"out.png"});
}

TEST(PictureNames, AFolderTakesTheDefaultName) {
  const test::TempFolder folder;
  EXPECT_EQ(*picture_names(folder.path(), {{7, 0, 8, 8}}),
            std::vector<std::string>{folder.path("tempera-7.png")});
}

TEST(PictureNames, RefuseAnUnknownField) {
  EXPECT_EQ(
      picture_names("{sed}.png", kTwo).error().message,
      "unknown field 'sed' in the output's name; there are {seed}, {index}, {width}, {height}");
}

TEST(PictureNames, RefuseAFolderThatIsNotThere) {
  EXPECT_EQ(picture_names("/nowhere/at/all/x.png", kTwo).error().message,
            "cannot write /nowhere/at/all/x.png: there is no folder /nowhere/at/all");
}

TEST(PictureNames, RefuseOtherFormats) {
  EXPECT_EQ(picture_names("x.gif", kTwo).error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace tempera::cli
