/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <platoon/status.h>

int main(void)
{
    printf("platoon %s\n", platoon_version());
    return 0;
}
