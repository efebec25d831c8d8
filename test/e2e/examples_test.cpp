#include <gtest/gtest.h>

#include <cstdlib>

#include "diffusion/image/png.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

// Programs of examples/, as a reader of the documentation would run them.
void expect_picture_of(const std::string& example) {
  const TempFolder folder;
  const std::string file = folder.path("heart.png");
  setenv("TEMPERA_CACHE_DIR", TEMPERA_TEST_CACHE, 1);
  const std::string model = std::string(TEMPERA_SOURCE_DIR) + "/models/tempera-emoji";
  const std::string command =
      std::string(TEMPERA_EXAMPLES) + "/" + example + " " + model + " 'a red heart' " + file;
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto picture = diffusion::read_png(file);
  ASSERT_TRUE(picture.ok()) << picture.error().message;
  EXPECT_EQ(picture->image.width, 128);
}

TEST(Examples, CMakesAPicture) { expect_picture_of("example_c"); }

TEST(Examples, CppMakesAPicture) { expect_picture_of("example_cpp"); }

}  // namespace
}  // namespace tempera::test
