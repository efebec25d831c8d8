#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "api/c/tempera.h"

namespace {

const std::string kTiny = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15";

struct CInterface : testing::Test {
  void SetUp() override {
    const tempera_open_options options = {.struct_size = sizeof(tempera_open_options),
                                          .cache_folder = TEMPERA_TEST_CACHE};
    ASSERT_EQ(tempera_open(kTiny.c_str(), &options, &model), TEMPERA_OK) << tempera_last_error();
  }
  void TearDown() override { tempera_close(model); }
  tempera_model* model = nullptr;
};

tempera_generate_options small_picture() {
  return {.struct_size = sizeof(tempera_generate_options),
          .prompt = "a cat",
          .width = 64,
          .height = 64,
          .steps = 2};
}

TEST_F(CInterface, GivesPicturesWithTheirSeeds) {
  const uint64_t seeds[] = {5, 9};
  tempera_generate_options options = small_picture();
  options.seeds = seeds;
  options.seed_count = 2;
  tempera_pictures* pictures = nullptr;
  ASSERT_EQ(tempera_generate(model, &options, &pictures), TEMPERA_OK) << tempera_last_error();
  EXPECT_EQ(tempera_picture_count(pictures), 2u);
  tempera_picture picture = {.struct_size = sizeof(tempera_picture)};
  ASSERT_EQ(tempera_get_picture(pictures, 1, &picture), TEMPERA_OK);
  EXPECT_EQ(picture.width, 64);
  EXPECT_EQ(picture.seed, 9u);
  EXPECT_NE(std::string(picture.parameters).find("Seed: 9"), std::string::npos);
  EXPECT_EQ(tempera_get_picture(pictures, 2, &picture), TEMPERA_INVALID_ARGUMENT);
  EXPECT_STREQ(tempera_last_error(), "picture 2 of 2");
  tempera_free_pictures(pictures);
}

TEST_F(CInterface, StopsWhenTheCallbackSaysSo) {
  tempera_generate_options options = small_picture();
  int calls = 0;
  options.user = &calls;
  options.progress = [](const tempera_progress* progress, void* user) {
    ++*static_cast<int*>(user);
    return std::string(progress->stage) == "denoise" && progress->done == 1 ? 0 : 1;
  };
  tempera_pictures* pictures = nullptr;
  EXPECT_EQ(tempera_generate(model, &options, &pictures), TEMPERA_CANCELLED);
  EXPECT_EQ(pictures, nullptr);
  EXPECT_GT(calls, 1);
}

TEST_F(CInterface, TakesTheStructsOfAnOlderCaller) {
  tempera_generate_options options = small_picture();
  options.struct_size = offsetof(tempera_generate_options, guidance_scale);
  options.sampler = "no such sampler";
  tempera_pictures* pictures = nullptr;
  EXPECT_EQ(tempera_generate(model, &options, &pictures), TEMPERA_OK) << "the field is not read";
  tempera_picture picture = {.struct_size = offsetof(tempera_picture, rgb)};
  ASSERT_EQ(tempera_get_picture(pictures, 0, &picture), TEMPERA_OK);
  EXPECT_EQ(picture.height, 64);
  EXPECT_EQ(picture.rgb, nullptr) << "beyond what the caller has";
  tempera_free_pictures(pictures);
}

TEST_F(CInterface, RunsAComponent) {
  const std::vector<int32_t> ids(77, 1);
  const int64_t shape[] = {1, 77};
  const tempera_tensor input = {.struct_size = sizeof(tempera_tensor),
                                .name = "input_ids",
                                .dtype = TEMPERA_I32,
                                .rank = 2,
                                .shape = shape,
                                .data = ids.data()};
  tempera_outputs* outputs = nullptr;
  ASSERT_EQ(tempera_run(model, "text_encoder", &input, 1, &outputs), TEMPERA_OK)
      << tempera_last_error();
  ASSERT_GE(tempera_output_count(outputs), 1u);
  tempera_tensor output = {.struct_size = sizeof(tempera_tensor)};
  ASSERT_EQ(tempera_get_output(outputs, 0, &output), TEMPERA_OK);
  EXPECT_STREQ(output.name, "last_hidden_state");
  EXPECT_EQ(output.dtype, TEMPERA_F32);
  ASSERT_EQ(output.rank, 3u);
  EXPECT_EQ(output.shape[1], 77);
  tempera_free_outputs(outputs);
}

TEST(CInterfaceErrors, AreACodeAndASentence) {
  tempera_model* model = nullptr;
  EXPECT_EQ(tempera_open("/no/such/model", nullptr, &model), TEMPERA_NOT_FOUND);
  EXPECT_EQ(model, nullptr);
  EXPECT_NE(std::string(tempera_last_error()).find("/no/such/model"), std::string::npos);
  EXPECT_EQ(tempera_open(nullptr, nullptr, &model), TEMPERA_INVALID_ARGUMENT);
  EXPECT_STREQ(tempera_last_error(), "path is NULL");
  const tempera_open_options unset = {};
  EXPECT_EQ(tempera_open(kTiny.c_str(), &unset, &model), TEMPERA_INVALID_ARGUMENT);
  EXPECT_STREQ(tempera_last_error(),
               "tempera_open_options: set struct_size to sizeof(tempera_open_options)");
}

}  // namespace
