-- breaking: yes
SELECT 1;
